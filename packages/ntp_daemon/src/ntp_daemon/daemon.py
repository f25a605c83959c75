"""The daemon: a client, its clock, its sources and its sockets, from start to orderly end."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ntp_daemon import drift_file, log
from ntp_daemon.chronicle import Chronicle
from ntp_daemon.client_shell import ClientShell
from ntp_daemon.clocks import MachineClock
from ntp_daemon.config.diff import Changes, diff
from ntp_daemon.config.load import ConfigErrors
from ntp_daemon.config.model import Config, LogLevel, Source
from ntp_daemon.control_socket import ControlSocket
from ntp_daemon.measurement_log import MeasurementFile
from ntp_daemon.notify import Notifier
from ntp_daemon.observation_socket import ObservationSocket
from ntp_daemon.server_slot import ServerSlot
from ntp_daemon.sources import SourceManager, SourceOrders
from ntp_daemon.sources.orders import SourceRequest
from ntp_daemon.status import observe
from ntp_daemon.unix_listener import LocalSocketError
from ntp_daemon.version import version
from ntp_proto.algorithm import Discipline, FrequencyPrior, StepThreshold
from ntp_proto.association import Demobilize, Reset
from ntp_proto.client import Client
from ntp_proto.control import ConfigRequest, ForceSyncRequest, ReloadRequest, Reply, Request, ServiceRequest, ShowConfigRequest
from ntp_proto.explain import offset_text
from ntp_proto.observation import ClockMode, SyncState, encode

if TYPE_CHECKING:
    from ntp_daemon.privileges import Surrender
from ntp_udp.resolver import Resolver

__all__ = ["Daemon"]

_log = logging.getLogger(__name__)

_WATCH_S = 8.0
"""How often the clock is compared with what was done to it."""
_DRIFT_SAVED_S = 3600.0
_DRIFT_ERROR = 1e-6
"""The least error that a drift file is trusted with, s/s: the machine may have cooled down while it was off."""


class Daemon:
    """Disciplines a clock until it is told to stop. To be made inside the running event loop.

    Args:
        config: The configuration to begin with.
        reload: Reads the configuration again; raises `ConfigErrors` when it is invalid.
        clock: What to discipline.
        notifier: The service manager.
        surrender: What is given up once everything is open; None: nothing.
    """

    def __init__(
        self, config: Config, reload: Callable[[], Config], clock: MachineClock, notifier: Notifier, surrender: Surrender | None = None
    ) -> None:
        self._config = config
        self._reload = reload
        self._clock = clock
        self._notifier = notifier
        self._started_at = clock.monotonic()
        self._measurements: MeasurementFile | None = None
        self.client = self._make_client()
        self._surrender = surrender
        self._server = ServerSlot(self.client, clock, surrender, lambda: self._sources.in_order(self._config.sources))
        self._shell = ClientShell(self.client, clock, self._replace, self._server.publish)
        self._sources = SourceManager(self._shell, Resolver(), asyncio.get_running_loop().time, self._server.is_own)
        self._chronicle = Chronicle(self.client, clock, self._server, lambda: Path(self._config.observability.configuration_path))
        self._observation: ObservationSocket | None = None
        self._control: ControlSocket | None = None
        self._drift_saved_at = self._started_at
        self._shown_status = ""
        self._reloads: set[asyncio.Task[Reply]] = set()
        self._changing = asyncio.Lock()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then give the clock back.

        Raises:
            SocketError: An address to serve on cannot be had.
            PrivilegeError: What was to be given up is still there.
            NtpError: Clients cannot be served for another reason.
        """
        try:
            async with self._changing:
                await self._start()
            self._notifier.ready("started")
            await self._watch(stop)
        finally:
            await self._end()

    async def _start(self) -> None:
        """The ports first, for who cannot have them ends here; then what else needs root; then the sources."""
        await self._server.start(self._config)
        await self._open_observation()
        await self._open_control()
        if self._surrender is not None:
            from ntp_daemon.step_down import step_down  # noqa: PLC0415 — most daemons stay who they are

            self._notifier.hold_on()
            step_down(self._surrender, self._config, self._clock.mode)
        await self._sources.add(self._asked(self._config), self._config)
        self._chronicle.start()

    def request_reload(self) -> None:
        """Reload soon: for signal handlers."""
        task = asyncio.get_running_loop().create_task(self.reload())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    async def reload(self) -> Reply:
        """Read the configuration again and apply what has changed; an invalid one changes nothing. One reload waits for the other."""
        async with self._changing:
            return await self._reload_now()

    async def _reload_now(self) -> Reply:
        try:
            config = self._reload()
        except ConfigErrors as errors:
            for error in errors.errors:
                _log.error("%s", error)
            return Reply(accepted=False, message="the configuration is invalid; nothing was changed", details=tuple(map(str, errors.errors)))
        changes = diff(self._config, config)
        self._notifier.reloading()
        problems = await self._apply(changes, config)
        self._notifier.ready()
        restart = tuple(f"{key} is read at the start only; restart the daemon to change it" for key in changes.needs_restart)
        for sentence in restart:
            _log.warning("%s", sentence)
        _log.info("configuration reloaded: %s", changes.summary)
        return Reply(accepted=True, message=f"configuration reloaded: {changes.summary}", details=problems + restart)

    async def _apply(self, changes: Changes, config: Config) -> tuple[str, ...]:
        """Returns what could not be done, each in one sentence."""
        self._config = config
        if changes.logging:
            log.set_up(config.observability.log_level, config.observability.log_format, os.environ)
        if changes.discipline:
            self.client.discipline.config = config.synchronization.discipline()
        if self._clock.mode is not ClockMode.LOCAL:
            await self._sources.exchange(changes.removed, changes.added, config)
        problems = await self._server.apply(changes, config)
        if changes.observation_socket:
            await self._open_observation()
        if changes.configuration_socket:
            await self._open_control()
        return problems

    def _asked(self, config: Config) -> tuple[Source, ...]:
        return () if self._clock.mode is ClockMode.LOCAL else config.sources

    async def _handle(self, request: Request) -> Reply:
        match request:
            case ReloadRequest():
                return await self.reload()
            case ForceSyncRequest():
                return self._force_sync()
            case ConfigRequest():
                return self._reconfigure(request)
            case ShowConfigRequest():
                return self._show_config()
            case _:
                async with self._changing:
                    return await self._handle_alone(request)

    async def _handle_alone(self, request: SourceRequest | ServiceRequest) -> Reply:
        """What must not meet a reload."""
        match request:
            case ServiceRequest(action=action):
                return await self._server.order(action, self._config)
            case _ if self._clock.mode is ClockMode.LOCAL:
                return Reply(accepted=False, message="in mode local no source is asked")
            case _:
                return await SourceOrders(self._sources, lambda: self._config).handle(request)

    def _show_config(self) -> Reply:
        from ntp_daemon.config.show import show  # noqa: PLC0415 — few ask

        return Reply(accepted=True, message="the configuration in force", text=show(self._config))

    def _force_sync(self) -> Reply:
        if self._clock.is_passive:
            return Reply(accepted=False, message="in this mode no clock is set: the system clock is only looked at")
        step_s = self.client.force_step(self._clock.monotonic())
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
            limit = StepThreshold(request.panic_threshold, request.panic_threshold)
            self.client.discipline.config = replace(self.client.discipline.config, single_step_panic_threshold=limit)
            done.append(f"single-step-panic-threshold {request.panic_threshold:g} s")
        message = "set " + " and ".join(done)
        _log.info("%s, as ordered", message)
        return Reply(accepted=True, message=message)

    def _replace(self, source: int, ending: Reset | Demobilize) -> None:
        self._sources.handle_ending(source, ending)

    async def _watch(self, stop: asyncio.Event) -> None:
        """Look now and then whether anything else moves the clock; everything else happens by itself."""
        while not stop.is_set():
            try:
                async with asyncio.timeout(_WATCH_S):
                    await stop.wait()
            except TimeoutError:
                self._look()

    def _look(self) -> None:
        now = self._clock.monotonic()
        self._shell.perform(self.client.check_clock(now))
        self._server.look()
        foreign = self._clock.foreign_frequency()
        if foreign is not None:
            _log.warning("something else has set the clock's frequency to %+.3f ppm; is another time daemon running?", foreign * 1e6)
            self.client.discipline.assert_frequency(now)
        system = self.client.discipline.system(now)
        if system.state is SyncState.SYNCHRONIZED and now - self._drift_saved_at >= _DRIFT_SAVED_S:
            self._save_drift()
        status = f"{system.state.value}, offset {offset_text(system.offset_s)}"
        if system.state.value != self._shown_status:
            self._shown_status = system.state.value
            self._notifier.status(status)

    async def _open_observation(self) -> None:
        if self._observation is not None:
            self._observation.close()
            self._observation = None
        seen = self._config.observability
        if seen.observation_path:
            try:
                path, permissions = Path(seen.observation_path), seen.observation_permissions
                self._observation = await ObservationSocket.open(path, permissions, self._document, self._chronicle.answer)
            except LocalSocketError as error:
                _log.warning("%s; ntp-ctl cannot show this daemon's state", error)

    async def _open_control(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        seen = self._config.observability
        if seen.configuration_path:
            try:
                self._control = await ControlSocket.open(Path(seen.configuration_path), seen.configuration_permissions, self._handle)
            except LocalSocketError as error:
                _log.warning("%s; ntp-ctl cannot command this daemon", error)

    def _make_client(self) -> Client:
        """The client and its discipline, with a recorder in between where one is wanted."""
        settings, clock, prior = self._config.synchronization.discipline(), self._clock.clock, self._prior()
        path = self._config.observability.measurement_log
        if not path:
            return Client(Discipline(settings, clock, self._started_at, prior), random.SystemRandom())
        from ntp_proto.measurement_log import Recorder  # noqa: PLC0415 — few want it

        self._measurements = MeasurementFile(path)
        recorder = Recorder(self._measurements.write)
        recorder.start(f"ntp-daemon {version()}", settings, clock, prior, self._started_at)
        return Client(Discipline(settings, recorder.clock(clock), self._started_at, prior), random.SystemRandom(), recorder)

    def _document(self) -> bytes:
        server = self._server
        seen = observe(self.client, self._clock, self._sources.pending(), self._started_at, server.report(), server.service(self._config))
        return encode(seen)

    def _prior(self) -> FrequencyPrior | None:
        path = self._config.synchronization.drift_file
        if not path or self._clock.is_passive:
            return None
        algorithm = self._config.synchronization.discipline()
        loaded = drift_file.load(Path(path), maximum_frequency=algorithm.maximum_frequency)
        if loaded.warning:
            _log.warning("%s", loaded.warning)
        if loaded.drift is None:
            return None
        uncertainty = loaded.drift.uncertainty
        error = algorithm.initial_frequency_uncertainty if uncertainty is None else max(_DRIFT_ERROR, 3.0 * uncertainty)
        return FrequencyPrior(loaded.drift.frequency, error)

    def _save_drift(self) -> None:
        now = self._clock.monotonic()
        path, system = self._config.synchronization.drift_file, self.client.discipline.system(now)
        if not path or system.estimate is None or self._clock.is_passive:
            return
        self._drift_saved_at = now
        try:
            drift_file.save(Path(path), drift_file.Drift(system.frequency, system.estimate.frequency_error))
        except drift_file.DriftFileError as error:
            _log.warning("%s", error)

    async def _end(self) -> None:
        """Sources first, so that nothing touches the clock any more; then the clients, the clock, and the sockets, so that the end can be watched."""
        self._notifier.stopping()
        for reload in self._reloads:
            reload.cancel()
        await asyncio.gather(*self._reloads, return_exceptions=True)
        self._chronicle.close()
        await self._sources.close()
        self._shell.close()
        await self._server.stop()
        frequency = self.client.stop(self._clock.monotonic())
        self._save_drift()
        self._clock.release(frequency)
        if self._measurements is not None:
            self._measurements.close()
        for socket in (self._observation, self._control):
            if socket is not None:
                socket.close()
        self._notifier.close()
        if self._clock.is_passive:
            _log.info("stopped")
        else:
            end = "the virtual clock ends" if self._clock.mode is ClockMode.VIRTUAL else "the clock runs on"
            _log.info("stopped; %s with a correction of %+.3f ppm", end, frequency * 1e6)
