"""The place of the server in a daemon: empty where nobody is served, and filled or changed by a reload."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ntp_daemon.clocks import MachineClock
from ntp_daemon.config.model import Config
from ntp_proto.client import Client
from ntp_proto.datagram import Address
from ntp_proto.errors import NtpError
from ntp_proto.states import ServiceState
from ntp_udp.addresses import is_own_address

if TYPE_CHECKING:
    from ntp_daemon.config.diff import Changes
    from ntp_daemon.history import Counts
    from ntp_daemon.privileges import Surrender
    from ntp_daemon.server_side import ServerReport, ServerSide
    from ntp_daemon.serving.event_hub import EventHub
    from ntp_proto.control import Reply, ServiceAction

__all__ = ["ServerSlot"]

_log = logging.getLogger(__name__)


class ServerSlot:
    """A server, or none. Nothing that only a server needs is loaded for none.

    Args:
        client: Who knows the sources and the clock.
        clock: The clock.
        surrender: Who the workers become, and where; None: see `ServerSide`.
        in_order: The ids of the client's sources in the order of the configuration.
    """

    def __init__(self, client: Client, clock: MachineClock, surrender: Surrender | None, in_order: Callable[[], Iterable[int]]) -> None:
        self._client = client
        self._clock = clock
        self._surrender = surrender
        self._in_order = in_order
        self._server: ServerSide | None = None
        self._hub: EventHub | None = None
        self._is_stopped = False

    @property
    def events(self) -> EventHub:
        """What becomes of each request, for whoever subscribes; it outlives the server."""
        if self._hub is None:
            from ntp_daemon.serving.event_hub import EventHub  # noqa: PLC0415 — most daemons serve nobody

            self._hub = EventHub(0)  # with a history every request would be told, though nobody watches
        return self._hub

    async def start(self, config: Config) -> None:
        """Serve, where that is configured.

        Raises:
            SocketError: An address cannot be had.
            NtpError: Clients cannot be served for another reason.
        """
        if not config.servers or self._is_stopped:
            return
        from ntp_daemon.served_time import make_served_time  # noqa: PLC0415 — most daemons serve nobody
        from ntp_daemon.server_side import ServerSide  # noqa: PLC0415

        served = make_served_time(self._client, self._clock, config.clock, self._in_order)
        server = ServerSide(config.servers, served, self._times_set, self._surrender, self.events)
        await server.start()
        self._server = server
        _log.info("serving on %s", ", ".join(map(str, server.addresses)))

    async def apply(self, changes: Changes, config: Config) -> tuple[str, ...]:
        """Take over another configuration. Serving is never interrupted; what cannot be done leaves the rest as it is.

        Returns:
            What could not be done, each in one sentence.
        """
        if self._server is None:
            try:
                await self.start(config)
            except (NtpError, OSError) as error:
                _log.error("%s", error)
                return (str(error),)
            return ()
        if changes.clock:
            self._server.served.settings = config.clock
        if changes.servers:
            return await self._server.apply(config.servers)
        self._server.publish()
        return ()

    async def order(self, action: ServiceAction, config: Config) -> Reply:
        """Start, stop or restart, as ordered. What is so already is done.

        Raises:
            NtpError: It could not be done, for the reason in the text.
        """
        from ntp_proto.control import Reply, ServiceAction  # noqa: PLC0415 — orders come later, if ever

        if not config.servers:
            return Reply(accepted=False, message="server disabled in configuration")
        match action:
            case ServiceAction.STOP:
                return await self._stop_as_ordered()
            case ServiceAction.RESTART if self._server is not None:
                problems = await self._server.restart()
                return Reply(accepted=not problems, message="; ".join(problems) or "server restarted", details=problems)
            case ServiceAction.START if self._server is not None:
                return Reply(accepted=True, message="server is running already")
            case ServiceAction.START | ServiceAction.RESTART:
                self._is_stopped = False
                await self.start(config)
                return Reply(accepted=True, message="server started")

    async def _stop_as_ordered(self) -> Reply:
        from ntp_daemon.capabilities import may_bind  # noqa: PLC0415 — see `order`
        from ntp_proto.control import Reply  # noqa: PLC0415

        if self._server is None:
            self._is_stopped = True
            return Reply(accepted=True, message="server is stopped already")
        shut = next((address for address in self._server.addresses if not may_bind(address.port)), None)
        if shut is not None:
            return Reply(accepted=False, message=f"{shut} could not be opened again without root; stop the whole daemon, or use restart")
        self._is_stopped, server, self._server = True, self._server, None
        await server.stop()
        _log.info("serving stopped, as ordered")
        return Reply(accepted=True, message="server stopped")

    def service(self, config: Config) -> ServiceState:
        """Whether clients are answered."""
        if self._server is not None:
            return ServiceState.RUNNING
        return ServiceState.STOPPED if config.servers else ServiceState.DISABLED

    def counts(self) -> Counts | None:
        """What became of requests so far; None when nobody is served."""
        return self._server.counts() if self._server is not None else None

    def publish(self) -> None:
        """Serve the clock as it is now."""
        if self._server is not None:
            self._server.publish()

    def look(self) -> None:
        """To be called every few seconds."""
        if self._server is not None:
            self._server.look()

    def report(self) -> ServerReport | None:
        """For the status; None when nobody is served."""
        return self._server.observe() if self._server is not None else None

    def is_own(self, address: Address) -> bool:
        """Whether we ourselves answer there."""
        if self._server is None or address.port not in {listening.port for listening in self._server.addresses}:
            return False
        return is_own_address(address.host)

    async def stop(self) -> None:
        """Answer what is queued, and end."""
        if self._server is not None:
            await self._server.stop()

    def _times_set(self) -> int:
        view = self._client.discipline.system(self._clock.monotonic())
        return view.history.step_count + view.displacement_count
