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
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from ntp_daemon.serving.settings import DnsPolicyConfig
from ntp_proto.errors import ConfigError
from ntp_proto.server import NameVerdict, address_text

__all__ = ["DnsPolicy", "Lookup", "open_dns_policy"]

_log = logging.getLogger(__name__)

_THREADS = 4
_QUEUE = 256
_CACHE = 8192

Lookup = Callable[[str], tuple[str, ...]]
"""The names of a numeric address, none when it has none; blocks, for `timeout_s` at most. Raises `OSError` when nobody answers."""


@dataclass(frozen=True, slots=True)
class _Entry:
    verdict: NameVerdict
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
        self._cache: OrderedDict[bytes, _Entry] = OrderedDict()
        self._pending: set[bytes] = set()
        self._lock = threading.Lock()
        self._queue: queue.Queue[tuple[bytes, float] | None] = queue.Queue(_QUEUE)
        self._threads: list[threading.Thread] = []
        self._closed = False

    def __call__(self, client: bytes) -> NameVerdict:
        """The verdict now: a `NamePolicy`."""
        return self.judge(client, time.monotonic())

    def judge(self, client: bytes, now: float) -> NameVerdict:
        """The verdict on a packed address, from the cache only.

        Args:
            client: 16 octets.
            now: Monotonic, s.
        """
        with self._lock:
            entry = self._cache.get(client)
            if entry is not None and now < entry.expires_at:
                self._cache.move_to_end(client)
                return entry.verdict
            if client not in self._pending and not self._closed:
                self._ask(client, now)
            if entry is not None:  # it holds until the new answer is there: nobody is refused each five minutes for the time of a look-up
                return entry.verdict
            return NameVerdict.ALLOWED if self._config.fail_open else NameVerdict.PENDING

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

    def _ask(self, client: bytes, now: float) -> None:
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait((client, now))
            self._pending.add(client)
        if len(self._threads) < min(_THREADS, len(self._pending)):
            thread = threading.Thread(target=self._work, name="reverse look-up", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _work(self) -> None:
        while (asked := self._queue.get()) is not None:
            client, asked_at = asked
            verdict = self._find(address_text(client))
            with self._lock:
                self._cache[client] = _Entry(verdict, asked_at + self._config.cache_ttl_s)
                self._cache.move_to_end(client)
                if len(self._cache) > _CACHE:
                    self._cache.popitem(last=False)
                self._pending.discard(client)
            self._queue.task_done()
        self._queue.task_done()

    def _find(self, host: str) -> NameVerdict:
        try:
            names = self._lookup(host)
        except Exception as error:  # noqa: BLE001 -- a name server's answer must not end the thread, or the client would stay unknown
            _log.debug("no name for %s: %s", host, error)
            return self._nameless()
        verdict = self._judge_names([_labels(name) for name in names])
        _log.debug("%s is %s: %s", host, ", ".join(names) or "without a name", verdict.value)
        return verdict

    def _judge_names(self, names: list[tuple[str, ...]]) -> NameVerdict:
        if not names:
            return self._nameless()
        if any(_is_under(name, suffix) for name in names for suffix in self._deny):
            return NameVerdict.DENIED
        if self._allow and not any(_is_under(name, suffix) for name in names for suffix in self._allow):
            return NameVerdict.DENIED
        return NameVerdict.ALLOWED

    def _nameless(self) -> NameVerdict:
        return NameVerdict.ALLOWED if self._config.fail_open else NameVerdict.DENIED


def open_dns_policy(config: DnsPolicyConfig | None) -> DnsPolicy | None:
    """The policy with real look-ups; None: there is none.

    Raises:
        ConfigError: dnspython is not installed, or a name server cannot be asked.
    """
    if config is None:
        return None
    try:
        from ntp_daemon.serving.reverse_lookup import ReverseLookup  # noqa: PLC0415 -- dnspython, 30 ms and 4 MiB; few want it
    except ImportError as error:
        raise ConfigError("a DNS policy needs dnspython: install it with `pip install ntpd-py[dns]`") from error
    try:
        return DnsPolicy(config, ReverseLookup(config.nameservers, config.timeout_s))
    except ValueError as error:
        raise ConfigError(f"the DNS policy cannot work: {error}") from error


def _labels(name: str) -> tuple[str, ...]:
    return tuple(label for label in reversed(name.lower().split(".")) if label)


def _is_under(name: tuple[str, ...], suffix: tuple[str, ...]) -> bool:
    """On the edge of a label: `xcorp.example` is not under `corp.example`."""
    return bool(suffix) and name[: len(suffix)] == suffix
