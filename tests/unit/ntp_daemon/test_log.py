import io
import json
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from ntp_daemon.config.model import LogFormat, LogLevel
from ntp_daemon.log import TRACE, RateLimit, set_level, set_up


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """What pytest and others have set up is put back."""
    root, asyncio_logger = logging.getLogger(), logging.getLogger("asyncio")
    handlers, level, asyncio_level, raises = root.handlers[:], root.level, asyncio_logger.level, logging.raiseExceptions
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    asyncio_logger.setLevel(asyncio_level)
    logging.raiseExceptions = raises


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def logged(
    format_: LogFormat = LogFormat.TEXT, level: LogLevel = LogLevel.TRACE, environment: dict[str, str] | None = None, stream: TextIO | None = None
) -> TextIO:
    stream = stream if stream is not None else io.StringIO()
    set_up(level, format_, environment or {}, stream)
    return stream


def text(stream: TextIO) -> str:
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


LOGGER = logging.getLogger("ntp_daemon.test")


def fail(why: str) -> None:
    raise ValueError(why)


def log_a_bug(why: str) -> None:
    try:
        fail(why)
    except ValueError:
        LOGGER.exception("a bug")


def test_a_line_of_text() -> None:
    stream = logged()
    LOGGER.warning("no answer from %s", "a.example")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warn  no answer from a\.example\n", text(stream))


def test_the_time_is_that_of_the_record_in_utc() -> None:
    stream = logged()
    record = logging.makeLogRecord({"msg": "x", "levelno": logging.INFO, "created": 1_700_000_000.0, "msecs": 7.9})
    logging.getLogger().handle(record)
    assert text(stream) == "2023-11-14T22:13:20.007Z info  x\n"


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        (LogLevel.TRACE, ["trace", "debug", "info", "warn", "error"]),
        (LogLevel.DEBUG, ["debug", "info", "warn", "error"]),
        (LogLevel.INFO, ["info", "warn", "error"]),
        (LogLevel.WARN, ["warn", "error"]),
        (LogLevel.ERROR, ["error"]),
    ],
)
def test_each_level_shows_itself_and_above(level: LogLevel, shown: list[str]) -> None:
    stream = logged(level=LogLevel.INFO)
    set_level(level)
    for number in (TRACE, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        LOGGER.log(number, "x")
    assert [line.split()[1] for line in text(stream).splitlines()] == shown


def test_asyncio_is_heard_only_when_it_warns_or_all_is_traced() -> None:
    stream = logged(level=LogLevel.DEBUG)
    logging.getLogger("asyncio").debug("Using selector")
    assert text(stream) == ""
    set_level(LogLevel.TRACE)
    logging.getLogger("asyncio").debug("Using selector")
    assert "Using selector" in text(stream)


def test_a_second_set_up_replaces_the_first() -> None:
    first, second = logged(), logged()
    LOGGER.info("x")
    assert text(first) == ""
    assert text(second).count("\n") == 1


def test_what_strangers_write_stays_on_its_line_and_out_of_the_terminal() -> None:
    stream = logged()
    LOGGER.info("server says %s", "a\n2023 error forged\x1b[31m\u202e")
    assert text(stream).endswith(" info  server says a\\x0a2023 error forged\\x1b[31m\\x202e\n")
    assert text(stream).count("\n") == 1


def test_a_traceback_follows_indented() -> None:
    stream = logged()
    log_a_bug("why\nnot")
    first, *rest = text(stream).splitlines()
    assert first.endswith(" error a bug")
    assert all(line.startswith("    ") for line in rest)
    assert rest[-2:] == ["    ValueError: why", "    not"]


class TestColour:
    def test_on_a_terminal(self) -> None:
        stream = logged(stream=Terminal())
        LOGGER.error("x")
        assert "\x1b[31merror\x1b[0m x\n" in text(stream)

    def test_not_when_it_is_unwanted(self) -> None:
        stream = logged(stream=Terminal(), environment={"NO_COLOR": "1"})
        LOGGER.error("x")
        assert "\x1b" not in text(stream)

    def test_an_empty_wish_is_none(self) -> None:
        stream = logged(stream=Terminal(), environment={"NO_COLOR": ""})
        LOGGER.error("x")
        assert "\x1b" in text(stream)

    def test_not_elsewhere(self) -> None:
        stream = logged()
        LOGGER.error("x")
        assert "\x1b" not in text(stream)


class TestJournal:
    def write(self, path: Path, journal: str, format_: LogFormat = LogFormat.TEXT) -> str:
        with path.open("w") as stream:
            found = os.fstat(stream.fileno())
            logged(format_, environment={"JOURNAL_STREAM": journal.format(device=found.st_dev, inode=found.st_ino)}, stream=stream)
            LOGGER.error("e")
            LOGGER.warning("w")
            LOGGER.info("i")
            LOGGER.debug("d\nd")
            LOGGER.log(TRACE, "t")
        return path.read_text()

    def test_priorities_when_the_stream_is_the_journals(self, tmp_path: Path) -> None:
        assert self.write(tmp_path / "log", "{device}:{inode}") == "<3>e\n<4>w\n<6>i\n<7>d\\x0ad\n<7>t\n"

    @pytest.mark.parametrize("journal", ["", "1:2", "{device}", "{inode}:{device}"])
    def test_none_when_it_was_redirected(self, tmp_path: Path, journal: str) -> None:
        assert "<" not in self.write(tmp_path / "log", journal)

    def test_json_stays_json(self, tmp_path: Path) -> None:
        assert self.write(tmp_path / "log", "{device}:{inode}", LogFormat.JSON).startswith('{"time"')

    def test_each_line_of_a_traceback_has_its_priority(self, tmp_path: Path) -> None:
        with (tmp_path / "log").open("w") as stream:
            found = os.fstat(stream.fileno())
            logged(environment={"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}, stream=stream)
            log_a_bug("why")
        lines = (tmp_path / "log").read_text().splitlines()
        assert len(lines) > 3
        assert all(line.startswith("<3>") for line in lines)


class TestJson:
    def test_an_object_a_line(self) -> None:
        stream = logged(LogFormat.JSON)
        LOGGER.warning("no answer from %s\n\x1b", '"a"')
        (line,) = text(stream).splitlines()
        document = json.loads(line)
        assert document.pop("time").endswith("Z")
        assert document == {"level": "warn", "logger": "ntp_daemon.test", "message": 'no answer from "a"\n\x1b'}

    def test_an_exception(self) -> None:
        stream = logged(LogFormat.JSON)
        log_a_bug("why")
        (line,) = text(stream).splitlines()
        assert json.loads(line)["exception"].endswith("ValueError: why")


class TestTrouble:
    def test_a_log_that_cannot_be_written_stops_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        class Full(io.StringIO):
            def write(self, text: str) -> int:
                raise OSError(28, "No space left on device")

        logged(stream=Full())
        LOGGER.error("x")
        assert capsys.readouterr() == ("", "")

    def test_standard_error_may_be_closed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stderr", None)
        set_up(LogLevel.INFO, LogFormat.TEXT, {})
        LOGGER.error("x")


class TestRateLimit:
    @pytest.fixture
    def now(self) -> list[float]:
        return [100.0]

    @pytest.fixture
    def logger(self, now: list[float]) -> Iterator[logging.Logger]:
        logger = logging.getLogger("ntp_daemon.test.strangers")
        limit = RateLimit(burst=2, period_s=60.0, monotonic=lambda: now[0])
        logger.addFilter(limit)
        yield logger
        logger.removeFilter(limit)

    def test_the_same_line_is_heard_so_often_and_then_counted(self, logger: logging.Logger, now: list[float]) -> None:
        stream = logged()

        def complain(who: int) -> None:
            logger.info("bad packet from %s", who)

        for who in range(10):
            complain(who)
        assert [line.split("info  ")[1] for line in text(stream).splitlines()] == ["bad packet from 0", "bad packet from 1"]
        now[0] += 59.9
        complain(10)
        now[0] += 0.1
        complain(11)
        complain(12)
        assert [line.split("info  ")[1] for line in text(stream).splitlines()[2:]] == [
            "bad packet from 11 (9 more like this were not logged)",
            "bad packet from 12",
        ]

    def test_the_count_is_a_key_in_json(self, logger: logging.Logger, now: list[float]) -> None:
        stream = logged(LogFormat.JSON)
        for who in range(4):
            now[0] += 60.0 * (who == 3)
            logger.info("bad packet from %s", who)
        documents = [json.loads(line) for line in text(stream).splitlines()]
        assert [document.get("suppressed") for document in documents] == [None, None, 1]
        assert documents[-1]["message"] == "bad packet from 3"

    def test_another_line_is_not_the_same(self, logger: logging.Logger) -> None:
        stream = logged()
        for _ in range(3):
            logger.info("bad packet")
            logger.info("bad packet")
        assert text(stream).count("\n") == 4

    def test_a_stranger_cannot_make_it_remember_more(self, logger: logging.Logger) -> None:
        (limit,) = logger.filters
        assert isinstance(limit, RateLimit)
        logged()
        for who in range(1000):
            logger.info(f"bad packet from {who}")  # noqa: G004 — the mistake that is to be survived
        assert len(limit._windows) == 1
