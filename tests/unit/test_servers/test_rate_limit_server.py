import pytest

from test_servers.rate_limit_server import RateLimit, main


def test_who_asks_for_the_first_time_is_welcome() -> None:
    limit = RateLimit(32.0)
    assert not limit.is_too_early("192.0.2.1", 0.0)
    assert not limit.is_too_early("192.0.2.2", 0.0)


def test_who_asks_again_before_the_interval_is_over_asks_too_early() -> None:
    limit = RateLimit(32.0)
    limit.is_too_early("192.0.2.1", 100.0)
    assert limit.is_too_early("192.0.2.1", 131.999)


def test_the_interval_begins_with_the_last_request_even_if_that_came_too_early() -> None:
    limit = RateLimit(32.0)
    limit.is_too_early("192.0.2.1", 100.0)
    limit.is_too_early("192.0.2.1", 120.0)
    assert limit.is_too_early("192.0.2.1", 151.0)
    assert not limit.is_too_early("192.0.2.1", 183.0)


def test_no_interval_is_no_limit() -> None:
    limit = RateLimit(0.0)
    assert not any(limit.is_too_early("192.0.2.1", 7.0) for _ in range(3))


def test_of_too_many_clients_the_one_that_asked_longest_ago_is_forgotten() -> None:
    limit = RateLimit(32.0, maximum=2)
    limit.is_too_early("a", 0.0)
    limit.is_too_early("b", 1.0)
    assert limit.is_too_early("a", 2.0)  # now b is the one that asked longest ago
    limit.is_too_early("c", 3.0)
    assert limit.is_too_early("a", 4.0)
    assert not limit.is_too_early("b", 5.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--interval", "soon"], "'soon' is not a number of seconds from 0 on"),
        (["--interval", "-1"], "'-1' is not a number of seconds from 0 on"),
        (["--interval", "inf"], "'inf' is not a number of seconds from 0 on"),
        (["--interval", "nan"], "'nan' is not a number of seconds from 0 on"),
        (["--stratum", "0"], "--stratum"),
        (["--reference-id", "TOOLONG"], "'TOOLONG'"),
    ],
)
def test_wrong_usage_is_said_in_words(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
