"""Going on as an ordinary user, and inside a directory: `-u USER` and `-r DIR`.

The order is the whole point. The user is looked up while /etc is in sight; what needs root, or a file outside the directory, is opened or
loaded before; then the directory becomes the root, the supplementary groups go, then the group, then the user, and last the capabilities. Of
these CAP_SYS_TIME alone is kept, and only by a daemon that steers the system clock. No program that is started later gets more.

This is done before the first thread is started, because credentials and capabilities belong to threads.
"""

from __future__ import annotations

import importlib
import os
import pwd
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ntp_daemon.capabilities import Capability, bound_to, keep_through_change_of_user, limit_to
from ntp_proto.errors import PrivilegeError

__all__ = ["Account", "Surrender", "find_account", "preload"]

_LOADED_LATER = (
    # What the daemon loads only when it is needed. In another root, or as another user, it could not be found any more.
    "difflib",
    "encodings.punycode",
    "gzip",
    "hashlib",
    "importlib.metadata",
    "msgspec",
    "tomli",
    "traceback",
    "ntp_daemon.config.check",
    "ntp_daemon.config.default_file",
    "ntp_daemon.config.diff",
    "ntp_daemon.config.read_tables",
    "ntp_daemon.config.server",
    "ntp_daemon.version",
)


@dataclass(frozen=True, slots=True)
class Account:
    """A user by its numbers, looked up once."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Surrender:
    """What is to be given up.

    Attributes:
        account: Whom to become; None: to stay who we are.
        root: The new root directory; None: none.
    """

    account: Account | None = None
    root: Path | None = None

    def __str__(self) -> str:
        words = [f"user {self.account.name}"] if self.account else []
        return "going on as " + " ".join(words or ["root"]) + (f" in {self.root}" if self.root else "")

    @property
    def is_wanted(self) -> bool:
        """Whether anything is to be given up."""
        return self.account is not None or self.root is not None

    def carry_out(self, *, keeps_clock: bool) -> None:
        """Do it; there is no way back.

        Args:
            keeps_clock: Whether CAP_SYS_TIME is kept.

        Raises:
            PrivilegeError: Something of it cannot be done; what was done stays done, so the program has to end.
        """
        kept = frozenset({Capability.SYS_TIME}) if keeps_clock else frozenset[Capability]()
        if self.account is not None:
            bound_to(kept)
        if self.root is not None:
            _attempt(f"make {self.root} the root directory", lambda: _enter(self.root or Path("/")))
        if self.account is not None:
            account = self.account
            _attempt(f"become user {account.name}", lambda: _become(account))
            _attempt("give up capabilities", lambda: limit_to(kept))

    def hand_over(self, paths: Iterable[Path]) -> None:
        """Make files that were made as root the new user's, who has to remove or replace them; those that are not there are passed over.

        Raises:
            PrivilegeError: The owner cannot be changed.
        """
        if self.account is None:
            return
        for path in paths:
            try:
                os.chown(path, self.account.uid, self.account.gid, follow_symlinks=False)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise _refused(f"give {path} to user {self.account.name}", error) from error


def find_account(text: str) -> Account:
    """The user of this name or number.

    Raises:
        PrivilegeError: There is none.
    """
    try:
        entry = pwd.getpwuid(int(text)) if text.isascii() and text.isdecimal() else pwd.getpwnam(text)
    except (KeyError, OverflowError, ValueError):
        raise PrivilegeError(f"there is no user {text!r}") from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def preload(modules: Iterable[str] = ()) -> None:
    """Load what may be loaded later on, while its files can still be read.

    Args:
        modules: More of it; one that is not installed is passed over.
    """
    from ntp_udp.resolver import preload as preload_resolver  # noqa: PLC0415 -- it brings asyncio, which a worker does without

    preload_resolver()
    for name in (*_LOADED_LATER, *modules):
        try:
            importlib.import_module(name)
        except ImportError:
            continue


def _enter(root: Path) -> None:
    os.chroot(root)
    os.chdir("/")


def _become(account: Account) -> None:
    if os.getresuid() == (account.uid,) * 3 and account.uid != 0:
        return  # a service manager has done it
    keep_through_change_of_user()
    os.setgroups([])
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)


def _attempt(what: str, action: Callable[[], None]) -> None:
    try:
        action()
    except OSError as error:
        raise _refused(what, error) from error


def _refused(what: str, error: OSError) -> PrivilegeError:
    hint = "; start the daemon as root" if isinstance(error, PermissionError) else ""
    return PrivilegeError(f"cannot {what}: {(error.strerror or str(error)).lower()}{hint}")
