"""What the daemon serves, and to whom: `ntp-ctl server` and `ntp-ctl clients`."""

from __future__ import annotations

from collections.abc import Mapping

from ntp_ctl.render import wrapped
from ntp_ctl.style import Color, Style
from ntp_ctl.table import Column, Row, fit, table_lines
from ntp_ctl.units import coarse_duration, duration
from ntp_proto.observation import Observation, ServedObservation, ServerObservation, ServiceState

__all__ = ["rate_words", "render_clients", "render_server", "served_words"]

_LABEL_WIDTH = 12
_DISABLED = "Nobody is served: there is no [[server]] in the configuration, and no -s."
_STOPPED = (
    "Nobody is served: the server was stopped by an order, or could not be started; the log says which. "
    "Start it on the dashboard, or restart the daemon."
)


def render_server(observation: Observation, style: Style) -> str:
    """What clients are told, and a block of lines for each address; with a line feed at the end of each line."""
    if not observation.servers:
        return _nobody(observation, style)
    blocks = ["\n".join(_block(server, style)) for server in observation.servers]
    heading = wrapped(served_words(observation.served), style, indent="  ", first="") if observation.served else []
    color = Color.GOOD if observation.served and observation.served.synchronized else Color.DOUBTFUL
    return "".join(f"{style.paint(line, color)}\n" for line in heading) + "\n" + "\n\n".join(blocks) + "\n"


def render_clients(observation: Observation, style: Style) -> str:
    """The busiest clients, and how many there are."""
    if not observation.servers:
        return _nobody(observation, style)
    clients = observation.clients
    remembered = sum(server.clients for server in observation.servers)
    heading = wrapped(f"{remembered} {'client' if remembered == 1 else 'clients'} remembered", style, indent="  ", first="")
    if not clients:
        return "\n".join(heading) + "\n"
    columns = [
        Column("Client", tuple(style.text(client.address) for client in clients), minimum=15, cut_middle=True),
        Column("Requests", tuple(str(client.requests) for client in clients), numeric=True),
        Column("Limited", tuple(str(client.drops) for client in clients), numeric=True),
        Column("Last", tuple(f"{coarse_duration(client.idle_s)} ago" for client in clients), numeric=True),
    ]
    rows = [Row(Color.DOUBTFUL if client.drops else None) for client in clients]
    return "\n".join([*heading, "", *table_lines(fit(columns, style.width, ("Last", "Limited")), rows, style)]) + "\n"


def served_words(served: ServedObservation) -> str:
    """What clients are told, as a sentence."""
    if not served.synchronized:
        return f"Clients are told that there is no time: leap indicator {served.leap}, stratum {served.stratum}, {served.reference_id}"
    offset = f", {duration(served.time_offset_s, signed=True)} from the system clock" if served.time_offset_s else ""
    bound = duration(0.5 * served.root_delay_s + served.root_dispersion_s)
    return f"Clients are told the time: stratum {served.stratum}, reference {served.reference_id}, error bound {bound}{offset}"


def rate_words(rate_per_s: float) -> str:
    """How often something is asked: "120 requests/s"."""
    return f"{rate_per_s:.3g} requests/s" if rate_per_s < 1000 else f"{rate_per_s:.0f} requests/s"


def _nobody(observation: Observation, style: Style) -> str:
    if observation.service is not ServiceState.STOPPED:
        return _DISABLED + "\n"
    return "".join(f"{style.paint(line, Color.DOUBTFUL)}\n" for line in wrapped(_STOPPED, style, indent="  ", first=""))


def _block(server: ServerObservation, style: Style) -> list[str]:
    lines = wrapped(server.address, style, indent="  ", first="")
    for label, words in _details(server):
        lines += wrapped(words, style, indent=" " * (_LABEL_WIDTH + 2), first="  " + label.ljust(_LABEL_WIDTH))
    return lines


def _details(server: ServerObservation) -> list[tuple[str, str]]:
    lost = f"{server.kernel_drops} lost in the kernel" if server.kernel_drops else "none lost"
    return [
        ("workers", _workers(server)),
        ("up", coarse_duration(server.uptime_s)),
        ("requests", f"{server.requests}, {rate_words(server.requests_per_s)}, {lost}"),
        ("answers", _reasons(server.answers)),
        ("refused", f"{_reasons(server.drops)}; with a kiss of death: {_reasons(server.kisses)}"),
        ("bytes", f"{server.bytes_in} in, {server.bytes_out} out" + (f"; {server.send_errors} answers not sent" if server.send_errors else "")),
        ("slow path", f"{server.slow_path} requests"),
        ("clients", f"{server.clients} remembered"),
        *([("log", f"{server.log_lines_lost} requests not logged")] if server.log_lines_lost else []),
    ]


def _workers(server: ServerObservation) -> str:
    if not server.workers:
        return "none, the daemon answers itself"
    return f"{server.workers}" + (f", {server.worker_restarts} replaced" if server.worker_restarts else "")


def _reasons(counts: Mapping[str, int]) -> str:
    """What has occurred, the most frequent first."""
    counted = sorted(((count, reason) for reason, count in counts.items() if count), key=lambda item: (-item[0], item[1]))
    return ", ".join(f"{count} {reason}" for count, reason in counted) or "none"
