from __future__ import annotations

import msgspec
import pytest

from ntp_ctl.client import DaemonError, Failure
from ntp_ctl.doctor.daemon_checks import Asked, Judgement, check_configuration, check_daemon, check_names, check_servers
from ntp_ctl.doctor.finding import Finding, Verdict
from ntp_proto.observation import ClockMode, SourceStatus, SyncState
from ntp_proto.server_address import ServerAddress
from support.documents import sample_observation
from unit.ntp_ctl.documents import serving

REPLACE = msgspec.structs.replace


def bad(findings: list[Finding]) -> list[tuple[str, Verdict]]:
    return [(finding.check, finding.verdict) for finding in findings if finding.verdict is not Verdict.GOOD]


class TestConfiguration:
    def test_valid(self) -> None:
        assert check_configuration(Judgement(0, ("/etc/ntp.toml is valid",))) == [Finding("configuration", Verdict.GOOD, "/etc/ntp.toml is valid")]

    def test_valid_with_a_warning(self) -> None:
        findings = check_configuration(Judgement(0, ("ntp-daemon: warning: everybody may write it", "x is valid")))
        assert [(finding.verdict, finding.text) for finding in findings] == [
            (Verdict.WARNING, "everybody may write it"),
            (Verdict.GOOD, "x is valid"),
        ]

    def test_each_error_is_a_problem(self) -> None:
        findings = check_configuration(Judgement(78, ("ntp-daemon: x:1: wrong", "ntp-daemon: x:2: wrong too")))
        assert [(finding.verdict, finding.text) for finding in findings] == [(Verdict.PROBLEM, "x:1: wrong"), (Verdict.PROBLEM, "x:2: wrong too")]

    def test_a_daemon_that_says_nothing(self) -> None:
        assert bad(check_configuration(Judgement(-11, ()))) == [("configuration", Verdict.PROBLEM)]


class TestDaemon:
    def test_all_is_well(self) -> None:
        assert bad(check_daemon(sample_observation())) == []

    def test_it_does_not_run_or_may_not_be_asked(self) -> None:
        gone = check_daemon(DaemonError(Failure.NOT_RUNNING, "the daemon is not running: no socket at /x; start it with: sudo ntp-daemon"))
        assert [(finding.text, bool(finding.fix)) for finding in gone] == [("the daemon is not running: no socket at /x", True)]
        assert bad(gone) == [("daemon", Verdict.PROBLEM)]
        assert bad(check_daemon(DaemonError(Failure.PERMISSION, "no"))) == [("daemon", Verdict.NOTE)]

    @pytest.mark.parametrize("state", [state for state in SyncState if state is not SyncState.SYNCHRONIZED])
    def test_every_state_but_one_is_a_problem_with_a_way_out(self, state: SyncState) -> None:
        document = sample_observation()
        findings = check_daemon(REPLACE(document, system=REPLACE(document.system, state=state, reason="because")))
        assert bad(findings) == [("clock", Verdict.PROBLEM)]
        (finding,) = [finding for finding in findings if finding.verdict is Verdict.PROBLEM]
        assert finding.text == f"{state.value}: because"
        assert finding.fix

    @pytest.mark.parametrize("status", [status for status in SourceStatus if status not in (SourceStatus.SELECTED, SourceStatus.STARTING)])
    def test_every_source_that_is_not_used_is_named_with_its_reason_and_a_way_out(self, status: SourceStatus) -> None:
        document = sample_observation()
        findings = check_daemon(REPLACE(document, sources=(REPLACE(document.sources[0], status=status, reason="because"),)))
        assert bad(findings) == [("sources", Verdict.WARNING)]
        assert findings[-1].text == "time.example:123: because"
        assert findings[-1].fix

    def test_what_else_can_be_seen(self) -> None:
        document = sample_observation()
        program = REPLACE(document.program, clock=ClockMode.VIRTUAL, clock_reason="CAP_SYS_TIME is missing")
        assert bad(check_daemon(REPLACE(document, program=program))) == [("clock", Verdict.PROBLEM)]
        assert bad(check_daemon(REPLACE(document, program=REPLACE(program, clock_reason="")))) == [], "that is what was asked for"
        assert bad(check_daemon(REPLACE(document, system=REPLACE(document.system, displacement_count=2)))) == [("clock", Verdict.WARNING)]
        stamped = REPLACE(document.sources[0], receive_stamps="daemon")
        assert bad(check_daemon(REPLACE(document, sources=(stamped,)))) == [("stamps", Verdict.WARNING)]
        local = REPLACE(document, program=REPLACE(document.program, clock=ClockMode.LOCAL), system=REPLACE(document.system, state=SyncState.STARTING))
        assert bad(check_daemon(local)) == [], "it follows nobody"

    def test_requests_that_are_lost(self) -> None:
        document = REPLACE(sample_observation(), servers=tuple(REPLACE(server, kernel_drops=2) for server in serving().servers))
        (finding,) = [finding for finding in check_daemon(document) if finding.check == "server"]
        assert finding.text.startswith(f"{2 * len(document.servers)} requests")


class TestNetwork:
    NAMES = (ServerAddress("a.example"), ServerAddress("192.0.2.1"), ServerAddress("b.example"), ServerAddress("a.example", 124))

    def test_each_name_is_looked_up_once_and_addresses_are_not(self) -> None:
        asked: list[str] = []

        def resolve(name: str) -> str:
            asked.append(name)
            return ""

        assert bad(check_names(self.NAMES, resolve)) == []
        assert asked == ["a.example", "b.example"]
        assert "no source needs" in check_names(self.NAMES[1:2], resolve)[0].text

    def test_names_that_do_not_resolve(self) -> None:
        findings = check_names(self.NAMES, lambda name: "unknown" if name == "b.example" else "")
        assert [(finding.verdict, finding.text) for finding in findings] == [(Verdict.PROBLEM, "b.example does not resolve: unknown")]

    def test_one_silent_server_among_others_is_a_warning_and_alone_a_problem(self) -> None:
        silent, good = Asked(ServerAddress("192.0.2.1"), "no answer"), Asked(ServerAddress("192.0.2.2"), "")
        assert bad(check_servers([silent, good])) == [("servers", Verdict.WARNING)]
        assert bad(check_servers([silent])) == [("servers", Verdict.PROBLEM)]
        assert check_servers([]) == []
