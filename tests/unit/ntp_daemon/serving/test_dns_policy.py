"""The policy by name: what is judged, what is remembered, and that nothing waits or grows."""

import threading
from collections.abc import Mapping

import pytest

from ntp_daemon.serving import dns_policy
from ntp_daemon.serving.dns_policy import DnsPolicy
from ntp_daemon.serving.settings import DnsPolicyConfig
from ntp_proto.server import NameVerdict, pack_address

NAMES: Mapping[str, tuple[str, ...]] = {
    "192.0.2.1": ("host.corp.example.com.",),
    "192.0.2.2": ("xcorp.example.com.",),
    "192.0.2.3": ("CORP.Example.COM.",),
    "192.0.2.4": ("good.example.org.", "bad.corp.example.com."),
    "192.0.2.5": (),
    "2001:db8::1": ("v6.example.org.",),
}


class Names:
    """Answers from a table, counts, and waits where it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = threading.Event()
        self.go.set()

    def __call__(self, host: str) -> tuple[str, ...]:
        self.asked.append(host)
        self.go.wait()
        if host not in NAMES:
            raise TimeoutError("nobody answers")
        return NAMES[host]


def ask(policy: DnsPolicy, host: str, now: float = 0.0) -> NameVerdict:
    return policy.judge(pack_address(host), now)


def judged(policy: DnsPolicy, host: str, now: float = 0.0) -> NameVerdict:
    """What a client's second request meets."""
    ask(policy, host, now)
    policy._queue.join()
    return ask(policy, host, now)


@pytest.mark.parametrize(
    ("host", "verdict"),
    [
        ("192.0.2.1", NameVerdict.DENIED),
        ("192.0.2.2", NameVerdict.ALLOWED),
        ("192.0.2.3", NameVerdict.DENIED),
        ("192.0.2.4", NameVerdict.DENIED),
        ("2001:db8::1", NameVerdict.DENIED),
    ],
)
def test_deny_comes_first_then_allow_and_both_on_the_edge_of_a_label(host: str, verdict: NameVerdict) -> None:
    policy = DnsPolicy(DnsPolicyConfig(deny_suffixes=("corp.example.com",), allow_suffixes=(".Example.com.", "good.example.org")), Names())
    assert judged(policy, host) is verdict
    policy.close()


@pytest.mark.parametrize("host", ["192.0.2.5", "198.51.100.1"])
@pytest.mark.parametrize(("fail_open", "verdict"), [(True, NameVerdict.ALLOWED), (False, NameVerdict.DENIED)])
def test_without_a_name_it_fails_as_configured(host: str, fail_open: bool, verdict: NameVerdict) -> None:
    policy = DnsPolicy(DnsPolicyConfig(allow_suffixes=("example.com",), fail_open=fail_open), Names())
    assert ask(policy, host, 0.0) is (NameVerdict.ALLOWED if fail_open else NameVerdict.PENDING), "a kiss would send an honest client away"
    assert judged(policy, host) is verdict
    policy.close()


def test_a_library_that_fails_is_a_look_up_that_failed() -> None:
    def broken(host: str) -> tuple[str, ...]:
        raise AttributeError(host)

    policy = DnsPolicy(DnsPolicyConfig(fail_open=False), broken)
    assert judged(policy, "192.0.2.1") is NameVerdict.DENIED
    policy.close()


def test_no_request_waits_and_one_client_is_looked_up_once() -> None:
    names = Names()
    names.go.clear()
    policy = DnsPolicy(DnsPolicyConfig(deny_suffixes=("corp.example.com",)), names)
    assert [ask(policy, "192.0.2.1", 0.0) for _ in range(1000)] == [NameVerdict.ALLOWED] * 1000
    names.go.set()
    policy._queue.join()
    assert ask(policy, "192.0.2.1", 0.0) is NameVerdict.DENIED
    assert names.asked == ["192.0.2.1"]
    policy.close()


def test_answers_and_failures_hold_for_their_time() -> None:
    names = Names()
    policy = DnsPolicy(DnsPolicyConfig(deny_suffixes=("corp.example.com",), cache_ttl_s=300.0), names)
    for host in ("192.0.2.1", "198.51.100.1"):
        judged(policy, host, 0.0)
        judged(policy, host, 299.0)
    assert names.asked == ["192.0.2.1", "198.51.100.1"]
    names.go.clear()
    assert ask(policy, "192.0.2.1", 301.0) is NameVerdict.DENIED  # what is known holds until the new answer is there
    names.go.set()
    policy._queue.join()
    assert names.asked == ["192.0.2.1", "198.51.100.1", "192.0.2.1"]
    policy.close()


def test_cache_queue_and_threads_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_policy, "_CACHE", 16)
    names = Names()
    names.go.clear()
    before = threading.active_count()
    policy = DnsPolicy(DnsPolicyConfig(), names)
    for number in range(5000):
        ask(policy, f"10.0.{number >> 8}.{number & 255}", 0.0)
    assert threading.active_count() - before <= 4
    names.go.set()
    policy._queue.join()
    assert len(names.asked) <= 256 + 4
    assert len(policy._cache) == 16
    assert not policy._pending
    policy.close()


def test_closing_twice_leaves_no_thread() -> None:
    policy = DnsPolicy(DnsPolicyConfig(), Names())
    judged(policy, "192.0.2.1")
    threads = list(policy._threads)
    policy.close()
    policy.close()
    ask(policy, "192.0.2.2", 0.0)
    assert policy._threads == threads, "nothing begins after the end"
    for thread in threads:
        thread.join(5.0)
        assert not thread.is_alive()
