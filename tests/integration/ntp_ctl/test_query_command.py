"""`ntp-query` as a process: what it prints, and its exit status."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import signal
import socket
from collections.abc import Iterator

import pytest

from ntp_proto.datagram import Address
from support.programs import Program, python, run, serving
from support.wire import Tap


def ntp_query(*arguments: str) -> Program:
    return run(python("ntp_ctl.query", *arguments), {"TZ": "UTC"})


@contextlib.contextmanager
def silence() -> Iterator[Address]:
    with Tap(None) as tap:
        yield tap.address


@pytest.fixture(scope="module")
def good() -> Iterator[Address]:
    with serving("rate_limit_server", "--interval", "0", "--stratum", "2") as (_, address):
        yield address


@pytest.mark.parametrize("how", ["-server {0}", "--server {0}", "-server={0}", "{0}", "{0.host} {0.port}", "-server {0} -timeout 2s", "--json {0}"])
def test_every_way_to_name_the_server_gives_json(good: Address, how: str) -> None:
    done = ntp_query(*how.format(good).split())
    assert (done.process.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert (document["server"], document["stratum"], document["leap"], document["kissCode"]) == (str(good), 2, "none", None)
    assert abs(document["offsetMs"]) < 100.0
    assert document["rttMs"] > 0.0


def test_the_text_has_the_layout_of_old(good: Address) -> None:
    done = ntp_query("--text", good.host, str(good.port))
    assert done.process.returncode == 0
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}"
    assert re.fullmatch(
        rf"NTP Client Test\n===============\nQuerying NTP server at {good}\.\.\.\n\n"
        rf"Response from {good}\nNTP Time: {moment}\nLocal Time: {moment}\nOffset: -?\d+\.\d{{6}} seconds\n",
        done.stdout,
    )


def test_a_kiss_has_a_status_of_its_own() -> None:
    with serving("demobilize_server") as (_, address):
        as_json = ntp_query(str(address))
        in_words = ntp_query("--text", str(address))
    assert (as_json.process.returncode, in_words.process.returncode) == (3, 3)
    assert json.loads(as_json.stdout)["kissCode"] == "DENY"
    assert "kiss of death DENY" in as_json.stderr
    assert in_words.stdout.endswith("No time: the server has refused with the kiss of death DENY\n")


def test_a_server_without_time_too() -> None:
    with serving("rate_limit_server", "--interval", "0", "--stratum", "16") as (_, address):
        done = ntp_query(str(address))
    assert done.process.returncode == 3
    assert json.loads(done.stdout)["problem"] == "unsynchronized"
    assert "not synchronized" in done.stderr


def test_silence_is_a_failure() -> None:
    with silence() as address:
        as_json = ntp_query("-timeout", "100ms", str(address))
        in_words = ntp_query("--text", "-timeout", "0.1", str(address))
    assert (as_json.process.returncode, as_json.stdout) == (1, "")
    assert re.fullmatch(rf"ntp-query: no answer from {address} within 0\.\d+ s\n", as_json.stderr)
    assert (in_words.process.returncode, in_words.stdout.splitlines()[-1]) == (1, "Request timed out")


def test_an_answer_that_is_none_is_said() -> None:
    with Tap(None, forge=lambda _request: [b"too short"]) as tap:
        done = ntp_query("--text", "-timeout", "0.2s", str(tap.address))
    assert (done.process.returncode, done.stdout.splitlines()[-1]) == (1, "Received invalid response")


def test_a_port_where_nobody_listens_is_a_failure() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        free = Address(*taken.getsockname())
    done = ntp_query("--text", str(free))
    assert done.process.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("Error: nobody answers on 127.0.0.1:")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ("-timeout 0 127.0.0.1", "above 0"),
        ("-timeout soon 127.0.0.1", "not a length of time"),
        ("127.0.0.1 x", "not a port"),
        ("127.0.0.1 65536", "not a port"),
        ("127.0.0.1:1 2", "the port is given twice"),
        ("127.0.0.1 -server 127.0.0.1", "the server is given twice"),
        ("-server a..b", "not a host name"),
        ("--text --json 127.0.0.1", "not allowed with"),
        ("--serv 127.0.0.1", "unrecognized"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_asked(arguments: str, what: str) -> None:
    done = ntp_query(*arguments.split())
    assert (done.process.returncode, done.stdout) == (2, "")
    assert what in done.stderr


def test_ctrl_c_ends_it_without_a_word() -> None:
    with Tap(None) as tap, Program(python("ntp_ctl.query", "-timeout", "1min", str(tap.address))) as waiting:
        tap.wait_requests(1)
        assert waiting.stop(signal.SIGINT) == 130
    assert (waiting.stdout, waiting.stderr) == ("", "")


def test_a_reader_that_has_gone_ends_it_without_a_word(good: Address) -> None:
    command = shlex.join(python("ntp_ctl.query", str(good)))
    done = run(["sh", "-c", f"{{ sleep 0.1; {command}; echo $? >&2; }} | true"])
    assert done.stderr == "141\n"


def test_the_version_is_shown() -> None:
    done = ntp_query("--version")
    assert done.process.returncode == 0
    assert re.fullmatch(r"ntp-query \S+\n", done.stdout)
