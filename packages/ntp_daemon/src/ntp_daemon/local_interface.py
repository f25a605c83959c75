"""The daemon towards its own machine: two Unix sockets, what it shows on the one and what it may be told on the other.

Loaded once the first request is on its way: nobody can have asked for anything before.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ntp_daemon import log
from ntp_daemon.chronicle import Chronicle
from ntp_daemon.config.model import LogLevel
from ntp_daemon.control_socket import ControlSocket
from ntp_daemon.observation_socket import ObservationSocket
from ntp_daemon.sources.orders import SourceOrders, SourceRequest
from ntp_daemon.status import observe
from ntp_daemon.unix_listener import LocalSocketError
from ntp_proto.algorithm import StepThreshold
from ntp_proto.control import ConfigRequest, ForceSyncRequest, ReloadRequest, Reply, Request, ServiceRequest, ShowConfigRequest
from ntp_proto.explain import offset_text
from ntp_proto.observation import encode
from ntp_proto.states import ClockMode

if TYPE_CHECKING:
    from ntp_daemon.daemon import Daemon

__all__ = ["LocalInterface"]

_log = logging.getLogger(__name__)


class LocalInterface:
    """Shows the daemon and takes commands for it. To be made inside the running event loop.

    Args:
        daemon: Whose state is shown, and who carries out what is ordered.
    """

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._chronicle = Chronicle(daemon.client, daemon.clock, daemon.server, lambda: Path(daemon.config.observability.configuration_path))
        self._observation: ObservationSocket | None = None
        self._control: ControlSocket | None = None

    async def start(self) -> None:
        """Open the sockets, and begin to remember. A socket that cannot be had is a warning: the clock can be kept right without it."""
        await self.open_observation()
        await self.open_control()
        self._chronicle.start()

    def stop(self) -> None:
        """Remember no more; the sockets stay open, so that the end can be watched."""
        self._chronicle.close()

    def close(self) -> None:
        """Close the sockets."""
        for socket in (self._observation, self._control):
            if socket is not None:
                socket.close()

    async def open_observation(self) -> None:
        """Open the observation socket where the configuration wants it, in place of the one that is open."""
        if self._observation is not None:
            self._observation.close()
            self._observation = None
        seen = self._daemon.config.observability
        if seen.observation_path:
            try:
                path, permissions = Path(seen.observation_path), seen.observation_permissions
                self._observation = await ObservationSocket.open(path, permissions, self._document, self._chronicle.answer)
            except LocalSocketError as error:
                _log.warning("%s; ntp-ctl cannot show this daemon's state", error)

    async def open_control(self) -> None:
        """Open the configuration socket where the configuration wants it, in place of the one that is open."""
        if self._control is not None:
            self._control.close()
            self._control = None
        seen = self._daemon.config.observability
        if seen.configuration_path:
            try:
                self._control = await ControlSocket.open(Path(seen.configuration_path), seen.configuration_permissions, self._handle)
            except LocalSocketError as error:
                _log.warning("%s; ntp-ctl cannot command this daemon", error)

    def _document(self) -> bytes:
        daemon, server = self._daemon, self._daemon.server
        seen = observe(daemon.client, daemon.clock, daemon.sources.pending(), daemon.started_at, server.report(), server.service(daemon.config))
        return encode(seen)

    async def _handle(self, request: Request) -> Reply:
        match request:
            case ReloadRequest():
                return await self._daemon.reload()
            case ForceSyncRequest():
                return self._force_sync()
            case ConfigRequest():
                return self._reconfigure(request)
            case ShowConfigRequest():
                return self._show_config()
            case _:
                async with self._daemon.changing:
                    return await self._handle_alone(request)

    async def _handle_alone(self, request: SourceRequest | ServiceRequest) -> Reply:
        """What must not meet a reload."""
        daemon = self._daemon
        match request:
            case ServiceRequest(action=action):
                return await daemon.server.order(action, daemon.config)
            case _ if daemon.clock.mode is ClockMode.LOCAL:
                return Reply(accepted=False, message="in mode local no source is asked")
            case _:
                return await SourceOrders(daemon.sources, lambda: daemon.config).handle(request)

    def _show_config(self) -> Reply:
        from ntp_daemon.config.show import show  # noqa: PLC0415 — few ask

        return Reply(accepted=True, message="the configuration in force", text=show(self._daemon.config))

    def _force_sync(self) -> Reply:
        clock = self._daemon.clock
        if clock.is_passive:
            return Reply(accepted=False, message="in this mode no clock is set: the system clock is only looked at")
        step_s = self._daemon.client.force_step(clock.monotonic())
        if step_s is None:
            return Reply(accepted=False, message="no source has told the time yet")
        _log.warning("set the clock by %s, as ordered", offset_text(step_s))
        return Reply(accepted=True, message=f"set the clock by {offset_text(step_s)}")

    def _reconfigure(self, request: ConfigRequest) -> Reply:
        done = []
        if request.log_filter is not None:
            log.set_level(LogLevel(request.log_filter))
            done.append(f"log level {request.log_filter}")
        if request.panic_threshold is not None:
            discipline = self._daemon.client.discipline
            limit = StepThreshold(request.panic_threshold, request.panic_threshold)
            discipline.config = replace(discipline.config, single_step_panic_threshold=limit)
            done.append(f"single-step-panic-threshold {request.panic_threshold:g} s")
        message = "set " + " and ".join(done)
        _log.info("%s, as ordered", message)
        return Reply(accepted=True, message=message)
