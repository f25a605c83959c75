"""The daemon: a client, its clock, its sources and its sockets, from start to orderly end."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ntp_daemon import drift_file, log
from ntp_daemon.client_shell import ClientShell
from ntp_daemon.clocks import MachineClock
from ntp_daemon.config.load import ConfigErrors
from ntp_daemon.config.model import Config, Source
from ntp_daemon.notify import Notifier
from ntp_daemon.server_slot import ServerSlot
from ntp_daemon.sources import SourceManager
from ntp_daemon.version import version
from ntp_proto.algorithm import Discipline, FrequencyPrior
from ntp_proto.association import Demobilize, Reset
from ntp_proto.client import Client
from ntp_proto.explain import offset_text
from ntp_proto.states import ClockMode, SyncState
from ntp_udp.resolver import Resolver

if TYPE_CHECKING:
    from ntp_daemon.config.diff import Changes
    from ntp_daemon.local_interface import LocalInterface
    from ntp_daemon.measurement_log import MeasurementFile
    from ntp_daemon.privileges import Surrender
    from ntp_proto.control import Reply

__all__ = ["Daemon"]

_log = logging.getLogger(__name__)

_WATCH_S = 8.0
"""How often the clock is compared with what was done to it."""
_SENT_S = 0.001
"""The first request is due before this has passed, and so goes out first."""
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

    Attributes:
        config: The configuration in force.
        clock: What is disciplined.
        client: Who disciplines it.
        server: Who answers clients, if anybody does.
        sources: Who is asked.
        started_at: When the daemon was made, on the clock's monotonic scale, s.
        changing: Held while sources, the server or the configuration change.
    """

    def __init__(
        self, config: Config, reload: Callable[[], Config], clock: MachineClock, notifier: Notifier, surrender: Surrender | None = None
    ) -> None:
        self.config = config
        self._reload = reload
        self.clock = clock
        self._notifier = notifier
        self.started_at = clock.monotonic()
        self._measurements: MeasurementFile | None = None
        self.client = self._make_client()
        self._surrender = surrender
        self.server = ServerSlot(self.client, clock, surrender, lambda: self.sources.in_order(self.config.sources))
        self._shell = ClientShell(self.client, clock, self._replace, self.server.publish)
        self.sources = SourceManager(self._shell, Resolver(), asyncio.get_running_loop().time, self.server.is_own)
        self._interface: LocalInterface | None = None
        self._drift_saved_at = self.started_at
        self._shown_status = ""
        self._reloads: set[asyncio.Task[Reply]] = set()
        self.changing = asyncio.Lock()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then give the clock back.

        Raises:
            SocketError: An address to serve on cannot be had.
            PrivilegeError: What was to be given up is still there.
            NtpError: Clients cannot be served for another reason.
        """
        try:
            async with self.changing:
                await self._start()
            self._notifier.ready("started")
            await self._watch(stop)
        finally:
            await self._end()

    async def _start(self) -> None:
        """The ports first, for who cannot have them ends here. Then the sources: all else can wait, but for what needs root where it is given up."""
        await self.server.start(self.config)
        if self._surrender is None:
            await self._ask()
            await self._open_interface()
            return
        from ntp_daemon.step_down import step_down  # noqa: PLC0415 — most daemons stay who they are

        await self._open_interface()
        self._notifier.hold_on()
        step_down(self._surrender, self.config, self.clock.mode)
        await self._ask()

    async def _ask(self) -> None:
        await self.sources.add(self._asked(self.config), self.config)
        await asyncio.sleep(_SENT_S)

    async def _open_interface(self) -> None:
        from ntp_daemon.local_interface import LocalInterface  # noqa: PLC0415 — the first request does not wait for it

        self._interface = LocalInterface(self)
        await self._interface.start()

    def request_reload(self) -> None:
        """Reload soon: for signal handlers."""
        task = asyncio.get_running_loop().create_task(self.reload())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    async def reload(self) -> Reply:
        """Read the configuration again and apply what has changed; an invalid one changes nothing. One reload waits for the other."""
        async with self.changing:
            return await self._reload_now()

    async def _reload_now(self) -> Reply:
        from ntp_daemon.config.diff import diff  # noqa: PLC0415 — the first request does not wait for what a reload needs
        from ntp_proto.control import Reply  # noqa: PLC0415

        try:
            config = self._reload()
        except ConfigErrors as errors:
            for error in errors.errors:
                _log.error("%s", error)
            return Reply(accepted=False, message="the configuration is invalid; nothing was changed", details=tuple(map(str, errors.errors)))
        changes = diff(self.config, config)
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
        self.config = config
        if changes.logging:
            log.set_up(config.observability.log_level, config.observability.log_format, os.environ)
        if changes.discipline:
            self.client.discipline.config = config.synchronization.discipline()
        if self.clock.mode is not ClockMode.LOCAL:
            await self.sources.exchange(changes.removed, changes.added, config)
        problems = await self.server.apply(changes, config)
        assert self._interface is not None, "changes wait until the start is complete"
        if changes.observation_socket:
            await self._interface.open_observation()
        if changes.configuration_socket:
            await self._interface.open_control()
        return problems

    def _asked(self, config: Config) -> tuple[Source, ...]:
        return () if self.clock.mode is ClockMode.LOCAL else config.sources

    def _replace(self, source: int, ending: Reset | Demobilize) -> None:
        self.sources.handle_ending(source, ending)

    async def _watch(self, stop: asyncio.Event) -> None:
        """Look now and then whether anything else moves the clock; everything else happens by itself."""
        while not stop.is_set():
            try:
                async with asyncio.timeout(_WATCH_S):
                    await stop.wait()
            except TimeoutError:
                self._look()

    def _look(self) -> None:
        now = self.clock.monotonic()
        self._shell.perform(self.client.check_clock(now))
        self.server.look()
        foreign = self.clock.foreign_frequency()
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

    def _make_client(self) -> Client:
        """The client and its discipline, with a recorder in between where one is wanted."""
        settings, clock, prior = self.config.synchronization.discipline(), self.clock.clock, self._prior()
        path = self.config.observability.measurement_log
        if not path:
            return Client(Discipline(settings, clock, self.started_at, prior), random.SystemRandom())
        from ntp_daemon.measurement_log import MeasurementFile  # noqa: PLC0415 — few want it
        from ntp_proto.measurement_log import Recorder  # noqa: PLC0415

        self._measurements = MeasurementFile(path)
        recorder = Recorder(self._measurements.write)
        recorder.start(f"ntp-daemon {version()}", settings, clock, prior, self.started_at)
        return Client(Discipline(settings, recorder.clock(clock), self.started_at, prior), random.SystemRandom(), recorder)

    def _prior(self) -> FrequencyPrior | None:
        path = self.config.synchronization.drift_file
        if not path or self.clock.is_passive:
            return None
        algorithm = self.config.synchronization.discipline()
        loaded = drift_file.load(Path(path), maximum_frequency=algorithm.maximum_frequency)
        if loaded.warning:
            _log.warning("%s", loaded.warning)
        if loaded.drift is None:
            return None
        uncertainty = loaded.drift.uncertainty
        error = algorithm.initial_frequency_uncertainty if uncertainty is None else max(_DRIFT_ERROR, 3.0 * uncertainty)
        return FrequencyPrior(loaded.drift.frequency, error)

    def _save_drift(self) -> None:
        now = self.clock.monotonic()
        path, system = self.config.synchronization.drift_file, self.client.discipline.system(now)
        if not path or system.estimate is None or self.clock.is_passive:
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
        if self._interface is not None:
            self._interface.stop()
        await self.sources.close()
        self._shell.close()
        await self.server.stop()
        frequency = self.client.stop(self.clock.monotonic())
        self._save_drift()
        self.clock.release(frequency)
        if self._measurements is not None:
            self._measurements.close()
        if self._interface is not None:
            self._interface.close()
        self._notifier.close()
        if self.clock.is_passive:
            _log.info("stopped")
        else:
            end = "the virtual clock ends" if self.clock.mode is ClockMode.VIRTUAL else "the clock runs on"
            _log.info("stopped; %s with a correction of %+.3f ppm", end, frequency * 1e6)
