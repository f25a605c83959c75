"""Who is served by the name of his address: suffixes that are denied, then suffixes that are allowed.

Theory of operation. A reverse look-up takes milliseconds to seconds and asks strangers, so no request ever waits for one. `judge` looks into
the cache only. What is not there is looked up by a few threads, and until then counts as a look-up that failed: the request is let through
when the policy fails open, and refused when it fails closed, in which case the client's next request finds the answer. Failures are
remembered as long as answers, so that a name server that is silent is not asked again for each request.

Everything is bounded: the cache (the entry that was used longest ago goes), the queue of look-ups (a client that finds it full is judged as
unknown, and asked for again at his next request), the threads.

The name of an address is what the owner of the *address* says. It keeps out the careless and sorts the honest; it is no authentication.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

__all__ = ["DnsPolicy", "DnsPolicyConfig", "DnsVerdict", "Lookup"]

_log = logging.getLogger(__name__)

_THREADS = 4
_QUEUE = 256
_CACHE = 8192

Lookup = Callable[[str], tuple[str, ...]]
"""The names of a numeric address, none when it has none; blocks, for `timeout_s` at most. Raises `OSError` when nobody answers."""


class DnsVerdict(Enum):
    """Why a client may or may not go on."""

    ALLOWED = "allowed"
    DENIED_SUFFIX = "denied suffix"
    NO_ALLOWED_SUFFIX = "no allowed suffix"
    LOOKUP_FAILED = "look-up failed"

    @property
    def is_denial(self) -> bool:
        """Whether the request goes no further."""
        return self is not DnsVerdict.ALLOWED


@dataclass(frozen=True, slots=True)
class DnsPolicyConfig:
    """The policy.

    Attributes:
        deny_suffixes: A client with a name under one of these is refused: `example.com` is `example.com` and `a.example.com`.
        allow_suffixes: Where there are any, a client needs a name under one of them.
        nameservers: Numeric addresses, with a port where it is not 53 (`host:port`, `[host]:port`), asked in turn; none: the system's.
        timeout_s: The longest look-up, s.
        cache_ttl_s: How long an answer or a failure holds, s.
        fail_open: Whether a client whose name cannot be had is let through.
    """

    deny_suffixes: tuple[str, ...] = ()
    allow_suffixes: tuple[str, ...] = ()
    nameservers: tuple[str, ...] = ()
    timeout_s: float = 0.4
    cache_ttl_s: float = 300.0
    fail_open: bool = True


@dataclass(frozen=True, slots=True)
class _Entry:
    verdict: DnsVerdict
    expires_at: float


class DnsPolicy:
    """Judges clients by the names of their addresses. One for each process that serves; `close` ends its threads.

    Args:
        config: The policy.
        lookup: Asks for names; see `ntp_daemon.serving.reverse_lookup`.
    """

    def __init__(self, config: DnsPolicyConfig, lookup: Lookup) -> None:
        self._config = config
        self._deny = tuple(map(_labels, config.deny_suffixes))
        self._allow = tuple(map(_labels, config.allow_suffixes))
        self._lookup = lookup
        self._cache: OrderedDict[str, _Entry] = OrderedDict()
        self._pending: set[str] = set()
        self._lock = threading.Lock()
        self._queue: queue.Queue[tuple[str, float] | None] = queue.Queue(_QUEUE)
        self._threads: list[threading.Thread] = []
        self._closed = False

    def judge(self, host: str, now: float) -> DnsVerdict:
        """The verdict on a numeric address (IPv4 as such, never mapped), from the cache only.

        Args:
            host: The client.
            now: Monotonic, s.
        """
        with self._lock:
            entry = self._cache.get(host)
            if entry is not None and now < entry.expires_at:
                self._cache.move_to_end(host)
                return entry.verdict
            if host not in self._pending and not self._closed:
                self._ask(host, now)
            # What has just expired holds until the new answer is there: a client is not refused each five minutes for the time of a look-up.
            return self._unknown() if entry is None else entry.verdict

    def close(self) -> None:
        """Let the threads end; look-ups in progress end by their time limit. Closing twice does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            with contextlib.suppress(queue.Empty):
                while True:
                    self._queue.get_nowait()
                    self._queue.task_done()
            for _ in self._threads:
                self._queue.put_nowait(None)

    def _ask(self, host: str, now: float) -> None:
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait((host, now))
            self._pending.add(host)
        if len(self._threads) < min(_THREADS, len(self._pending)):
            thread = threading.Thread(target=self._work, name="reverse look-up", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _work(self) -> None:
        while (asked := self._queue.get()) is not None:
            host, asked_at = asked
            verdict = self._find(host)
            with self._lock:
                self._cache[host] = _Entry(verdict, asked_at + self._config.cache_ttl_s)
                self._cache.move_to_end(host)
                if len(self._cache) > _CACHE:
                    self._cache.popitem(last=False)
                self._pending.discard(host)
            self._queue.task_done()
        self._queue.task_done()

    def _find(self, host: str) -> DnsVerdict:
        try:
            names = self._lookup(host)
        except OSError as error:
            _log.debug("no name for %s: %s", host, error)
            return self._unknown()
        verdict = self._judge_names([_labels(name) for name in names])
        _log.debug("%s is %s: %s", host, ", ".join(names) or "without a name", verdict.value)
        return verdict

    def _judge_names(self, names: list[tuple[str, ...]]) -> DnsVerdict:
        if any(_is_under(name, suffix) for name in names for suffix in self._deny):
            return DnsVerdict.DENIED_SUFFIX
        if not names:  # NXDOMAIN: there is nothing to judge
            return self._unknown()
        if self._allow and not any(_is_under(name, suffix) for name in names for suffix in self._allow):
            return DnsVerdict.NO_ALLOWED_SUFFIX
        return DnsVerdict.ALLOWED

    def _unknown(self) -> DnsVerdict:
        return DnsVerdict.ALLOWED if self._config.fail_open else DnsVerdict.LOOKUP_FAILED


def _labels(name: str) -> tuple[str, ...]:
    return tuple(label for label in reversed(name.lower().split(".")) if label)


def _is_under(name: tuple[str, ...], suffix: tuple[str, ...]) -> bool:
    """On the edge of a label: `xcorp.example` is not under `corp.example`."""
    return bool(suffix) and name[: len(suffix)] == suffix
