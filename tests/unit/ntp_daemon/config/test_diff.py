import pytest

from ntp_daemon.config.diff import Changes, diff
from ntp_daemon.config.load import parse

A = '[[source]]\nmode = "server"\naddress = "a.example"\n'
B = '[[source]]\nmode = "pool"\naddress = "b.example"\n'
C = '[[source]]\nmode = "server"\naddress = "c.example"\n'


def changes(old: str, new: str) -> Changes:
    return diff(parse(old), parse(new))


def names(sources: tuple[object, ...]) -> list[str]:
    return [source.address.host.removesuffix(".example") for source in sources]  # type: ignore[attr-defined] # every source has one


def test_the_same_configuration_is_no_change() -> None:
    result = changes(A + B, A + B)
    assert result.is_empty
    assert names(result.kept) == ["a", "b"]


SERVER = '[[server]]\nlisten = "127.0.0.1"\n'


@pytest.mark.parametrize(
    ("old", "new", "summary"),
    [
        (A, A, "nothing has changed"),
        (A + B, C + B, "1 source added, 1 removed"),
        (A + SERVER, A + SERVER + "rate-limit = 5\n", "changed: server"),
        (
            A,
            C + SERVER + '[clock]\nlocal-stratum = 5\n[observability]\nlog-level = "debug"\n',
            "1 source added, 1 removed; changed: server, clock, log",
        ),
        (A, A + '[synchronization]\ndrift-file = "/a"\nminimum-agreeing-sources = 1\n', "changed: synchronization, drift file"),
        (A, A + '[observability]\nobservation-path = "/a"\nconfiguration-path = "/b"\n', "changed: observation socket, configuration socket"),
        (A, A + '[clock]\nmode = "virtual"\n', "nothing can change before the daemon is restarted"),
    ],
)
def test_what_has_changed_is_said_in_words(old: str, new: str, summary: str) -> None:
    assert changes(old, new).summary == summary


def test_sources_come_and_go_and_stay() -> None:
    result = changes(A + B, C + B)
    assert (names(result.removed), names(result.kept), names(result.added)) == (["a"], ["b"], ["c"])
    assert not result.is_empty


def test_another_order_is_no_change() -> None:
    assert changes(A + B, B + A).is_empty


def test_a_source_with_other_settings_is_another_source() -> None:
    result = changes(A + B, A + B + "count = 2\n")
    assert (names(result.removed), names(result.kept), names(result.added)) == (["b"], ["a"], ["b"])


def test_another_response_timeout_is_another_way_to_ask_every_source() -> None:
    result = changes(A + B, A + B + "[source-defaults]\nresponse-timeout = 1\n")
    assert (names(result.removed), names(result.kept), names(result.added)) == (["a", "b"], [], ["a", "b"])


def test_a_default_changes_the_sources_that_use_it_and_no_other() -> None:
    own = A + "poll-interval-limits = { min = 4, max = 8 }\n"
    result = changes(own + B, own + B + "[source-defaults]\npoll-interval-limits.min = 5\n")
    assert (names(result.removed), names(result.kept), names(result.added)) == (["b"], ["a"], ["b"])


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("synchronization.minimum-agreeing-sources = 2", {"discipline"}),
        ("synchronization.algorithm.step-updates = 2", {"discipline"}),
        ("synchronization.accumulated-step-panic-threshold = 0", set()),  # the default in other words
        ("synchronization.drift-file = '/x'", {"drift_file"}),
        ("observability.log-level = 'warn'", {"logging"}),
        ("observability.log-format = 'json'", {"logging"}),
        ("observability.observation-path = '/x'", {"observation_socket"}),
        ("observability.observation-permissions = 0o600", {"observation_socket"}),
        ("observability.configuration-path = '/x'", {"configuration_socket"}),
        ("observability.configuration-permissions = 0o600", {"configuration_socket"}),
        ("observability.metrics-exporter-listen = '127.0.0.1:1'", set()),  # read by the exporter alone
        ("observability.measurement-log = '/x'", {"needs_restart"}),
        ("clock.mode = 'virtual'", {"needs_restart"}),
        ("clock.select = 'median'", {"needs_restart"}),
        ("clock.max-accepted-offset = 1", {"clock"}),
        ("clock.local-stratum = 3", {"clock"}),
        ("clock.unsynchronized-stratum = 15", {"clock"}),
        ("clock.local-reference-id = 'GPS'", {"clock"}),
        ("server = [{ listen = '0.0.0.0' }]", {"servers"}),
    ],
)
def test_each_key_changes_what_depends_on_it(text: str, flags: set[str]) -> None:
    result = changes("", text)
    changed = {
        name
        for name in ("discipline", "drift_file", "logging", "observation_socket", "configuration_socket", "servers", "clock", "needs_restart")
        if getattr(result, name)
    }
    assert changed == flags
    assert result.is_empty == (not flags)


def test_what_needs_a_restart_is_named() -> None:
    assert changes("", "clock.mode = 'virtual'").needs_restart == ("clock.mode",)
    both = "clock.mode = 'virtual'\nobservability.measurement-log = '/x'"
    assert changes("", both).needs_restart == ("clock.mode", "observability.measurement-log")
