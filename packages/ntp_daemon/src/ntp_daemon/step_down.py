"""From root to what was asked for with `-u` and `-r`, once everything is open, with a word on what will not work afterwards."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from ntp_daemon.config.model import Config
from ntp_daemon.privileges import Surrender, preload
from ntp_proto.states import ClockMode

__all__ = ["step_down"]

_log = logging.getLogger(__name__)


def step_down(surrender: Surrender, config: Config, mode: ClockMode) -> None:
    """Give up what is to be given up.

    Args:
        surrender: What.
        config: Whose files are needed later.
        mode: Of the clock: only who steers keeps the right to set it.

    Raises:
        PrivilegeError: Something of it is still there.
    """
    names = ("dns.resolver", "dns.nameserver") if any(server.dns_policy.is_on for server in config.servers) else ()
    preload(names)
    seen = config.observability
    surrender.hand_over([Path(path) for path in (seen.observation_path, seen.configuration_path) if path])
    if surrender.root is not None:
        _warn_of_names(surrender.root, config, mode)
    if surrender.account is None:
        _log.warning("root in another root directory can leave it; give -u as well as -r")
    surrender.carry_out(keeps_clock=mode is ClockMode.STEER)
    _log.info("%s", surrender)
    _warn_of_drift_file(config.synchronization.drift_file, mode)


def _warn_of_names(root: Path, config: Config, mode: ClockMode) -> None:
    names = [str(source.address) for source in config.sources if source.address.numeric() is None]
    if names and mode is not ClockMode.LOCAL and not (root / "etc/resolv.conf").exists():
        _log.warning("%s has no etc/resolv.conf: names such as %s cannot be resolved there", root, names[0])


def _warn_of_drift_file(path: str, mode: ClockMode) -> None:
    """Said now, and not when an hour's work is lost."""
    folder = Path(path).parent
    if path and mode in (ClockMode.STEER, ClockMode.VIRTUAL) and not os.access(folder, os.W_OK):
        _log.warning("drift file %s cannot be written from now on: %s is not there, or not this user's", path, folder)
