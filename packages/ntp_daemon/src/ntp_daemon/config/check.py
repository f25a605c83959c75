"""What only a look at several keys at once can find wrong, or doubtful."""

from __future__ import annotations

from ntp_daemon.config.model import AutoSource, ClockSelection, Config, PoolSource, Source
from ntp_daemon.config.read_tables import Document, Places
from ntp_daemon.config.toml_lines import KeyPath
from ntp_proto.explain import sources_text
from ntp_proto.server_address import ServerAddress
from ntp_proto.states import ClockMode

__all__ = ["check", "warnings_about"]


def check(config: Config, places: Places, document: Document) -> None:
    """Note in `document` what is wrong between keys that are each right in themselves.

    Args:
        config: What could be read of the file.
        places: Where its tables stand in the file.
        document: Takes the errors.
    """
    defaults = config.source_defaults
    limits = defaults.poll_interval_limits
    _check_poll(limits.min, limits.max, defaults.initial_poll_interval, ("source-defaults",), document)
    # With wrong defaults every source would be wrong as well: one fault, one error.
    defaults_are_right = not any((error.key or "").startswith("source-defaults") for error in document.errors)
    seen: set[ServerAddress] = set()
    for place, source in zip(places.sources, config.sources, strict=True):
        path = ("source", place)
        if defaults_are_right:
            _check_source_poll(source, config, path, document)
        if source.address in seen:
            document.fail((*path, "address"), f'"{source.address}" is listed twice; the same server would vote twice')
        seen.add(source.address)
    listening: set[ServerAddress] = set()
    for place, server in zip(places.servers, config.servers, strict=True):
        if server.listen in listening:
            document.fail(("server", place, "listen"), f'"{server.listen}" is listed twice')
        listening.add(server.listen)
    _check_sockets(config, document)


def _check_source_poll(source: Source, config: Config, path: KeyPath, document: Document) -> None:
    settings = config.poll_settings(source)
    _check_poll(settings.minimum.log2, settings.maximum.log2, source.initial_poll_interval, path, document)


def _check_poll(minimum: int, maximum: int, initial: int | None, path: KeyPath, document: Document) -> None:
    if minimum > maximum:
        document.fail((*path, "poll-interval-limits"), f"min ({minimum}) must not be above max ({maximum})")
    elif initial is not None and not minimum <= initial <= maximum:
        document.fail((*path, "initial-poll-interval"), f"must lie within poll-interval-limits, from {minimum} to {maximum}, got {initial}")


def _check_sockets(config: Config, document: Document) -> None:
    observability = config.observability
    if observability.observation_path and observability.observation_path == observability.configuration_path:
        document.fail(("observability", "configuration-path"), "must not be the observation-path: those are two sockets")


def warnings_about(config: Config) -> tuple[str, ...]:
    """What is allowed but hardly meant, one sentence each."""
    needed = config.synchronization.minimum_agreeing_sources
    warnings = []
    if needed is not None and not any(isinstance(source, AutoSource) for source in config.sources):
        available = sum(source.count if isinstance(source, PoolSource) else 1 for source in config.sources)
        if 0 < available < needed:
            warnings.append(
                f"synchronization.minimum-agreeing-sources is {needed}, but there {'is' if available == 1 else 'are'} only {sources_text(available)}:"
                " the clock will never be touched"
            )
    if config.clock.mode is ClockMode.LOCAL and config.sources:
        warnings.append('clock.mode is "local": the sources are not asked')
    if config.clock.select is ClockSelection.MEDIAN and config.clock.mode is not ClockMode.VIRTUAL:
        warnings.append('clock.select = "median" is for clock.mode = "virtual" and does nothing here')
    return tuple(warnings)
