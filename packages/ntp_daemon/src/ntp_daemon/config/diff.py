"""What a reload has to do: the difference of two configurations, as a value."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ntp_daemon.config.model import Config, PollSettings, Source
from ntp_proto.explain import sources_text

__all__ = ["Changes", "diff"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The way from one configuration to another.

    A source is the same only when all that concerns it is: its table and the defaults that it uses. One whose poll limits have changed
    is removed and added.

    Attributes:
        removed: Sources of the old configuration that are not in the new one.
        added: Sources of the new configuration that are not in the old one, in their order.
        kept: Sources in both, in the order of the new one.
        discipline: Whether `SynchronizationConfig.discipline()` differs.
        drift_file: Whether the path of the drift file differs.
        logging: Whether the level or the format of the log differs.
        observation_socket: Whether the path or the permissions of the observation socket differ.
        configuration_socket: Whether those of the configuration socket do.
        servers: Whether the `[[server]]` tables differ.
        clock: Whether those settings of the clock differ that need no restart.
        needs_restart: The keys that differ and are read only at the start, with their table.
    """

    removed: tuple[Source, ...]
    added: tuple[Source, ...]
    kept: tuple[Source, ...]
    discipline: bool
    drift_file: bool
    logging: bool
    observation_socket: bool
    configuration_socket: bool
    servers: bool
    clock: bool
    needs_restart: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the two configurations mean the same to the daemon."""
        sockets = self.observation_socket or self.configuration_socket or self.servers
        settings = self.discipline or self.drift_file or self.logging or self.clock
        return not (self.removed or self.added or settings or sockets or self.needs_restart)

    @property
    def summary(self) -> str:
        """What changes in the running daemon, for its log and for whoever has ordered the reload."""
        if self.is_empty:
            return "nothing has changed"
        sources = [f"{sources_text(len(self.added))} added, {len(self.removed)} removed"] if self.added or self.removed else []
        parts = {
            "server": self.servers,
            "synchronization": self.discipline,
            "drift file": self.drift_file,
            "clock": self.clock,
            "log": self.logging,
            "observation socket": self.observation_socket,
            "configuration socket": self.configuration_socket,
        }
        changed = ", ".join(part for part, differs in parts.items() if differs)
        return "; ".join(sources + ([f"changed: {changed}"] if changed else [])) or "nothing can change before the daemon is restarted"


def diff(old: Config, new: Config) -> Changes:
    """What has to change for a daemon that runs with `old` to run with `new`."""
    before, after = _intervals(old), _intervals(new)
    seen, shown = old.observability, new.observability
    return Changes(
        removed=tuple(source for source in old.sources if before[source] != after.get(source)),
        added=tuple(source for source in new.sources if after[source] != before.get(source)),
        kept=tuple(source for source in new.sources if after[source] == before.get(source)),
        discipline=old.synchronization.discipline() != new.synchronization.discipline(),
        drift_file=old.synchronization.drift_file != new.synchronization.drift_file,
        logging=(seen.log_level, seen.log_format) != (shown.log_level, shown.log_format),
        observation_socket=(seen.observation_path, seen.observation_permissions) != (shown.observation_path, shown.observation_permissions),
        configuration_socket=(seen.configuration_path, seen.configuration_permissions) != (shown.configuration_path, shown.configuration_permissions),
        servers=old.servers != new.servers,
        clock=replace(old.clock, mode=new.clock.mode, select=new.clock.select) != new.clock,
        needs_restart=tuple(
            key
            for key, differs in (
                ("clock.mode", old.clock.mode is not new.clock.mode),
                ("clock.select", old.clock.select is not new.clock.select),
                ("observability.measurement-log", seen.measurement_log != shown.measurement_log),
            )
            if differs
        ),
    )


def _intervals(config: Config) -> dict[Source, PollSettings]:
    return {source: config.poll_settings(source) for source in config.sources}
