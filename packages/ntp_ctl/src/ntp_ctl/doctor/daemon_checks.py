"""Findings about the daemon: its configuration, whether it runs, what it says of itself, and whether its servers can be reached."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ntp_ctl.client import DaemonError, Failure
from ntp_ctl.doctor.finding import Finding, good, note, problem, warning
from ntp_proto.observation import ClockMode, Observation, SourceObservation, SourceStatus, SyncState
from ntp_proto.server_address import ServerAddress

__all__ = ["Asked", "Judgement", "check_configuration", "check_daemon", "check_names", "check_servers"]

_FIXES = {
    SyncState.STARTING: "wait some seconds; if it stays, see the sources below",
    SyncState.HOLDOVER: "see the sources below",
    SyncState.UNSYNCHRONIZED: "see the sources below",
    SyncState.NO_MAJORITY: "add sources that do not depend on these; ntp-ctl sources shows who claims what",
    SyncState.PANIC: "if another clock says that the sources are right: sudo ntp-ctl force-sync",
}
_SOURCE_FIXES = {
    SourceStatus.UNREACHABLE: "is UDP port 123 open on the way out and back? ntp-query HOST asks it once",
    SourceStatus.UNSYNCHRONIZED: "look at that server if it is yours, or take another",
    SourceStatus.DISTANT: "take a nearer one",
    SourceStatus.FALSETICKER: "tell its operator, or remove it: ntp-ctl sources remove HOST",
    SourceStatus.LOOP: "take it out of one of the two configurations",
    SourceStatus.DENIED: "ask its operator, or take another",
    SourceStatus.NO_MAJORITY: "add sources that do not depend on these",
    SourceStatus.TOO_FEW: "add sources, or lower minimum-agreeing-sources",
    SourceStatus.OFFLINE: "ntp-ctl sources online",
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What `ntp-daemon --check-config` says.

    Attributes:
        status: Its exit status.
        lines: Its words.
    """

    status: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking a server once; `problem` is "" when it has told the time."""

    server: ServerAddress
    problem: str


def check_configuration(judgement: Judgement) -> list[Finding]:
    """Is the file right?"""
    lines = [line.removeprefix("ntp-daemon: ") for line in judgement.lines]
    warnings = [warning("configuration", line.removeprefix("warning: "), "see CONFIGURATION.md") for line in lines if line.startswith("warning: ")]
    errors = [line for line in lines if not line.startswith("warning: ")]
    if judgement.status != 0:
        return [problem("configuration", line, "mend it; ntp-ctl validate looks again") for line in errors] or [
            problem("configuration", f"ntp-daemon --check-config ended with {judgement.status}", "run it to see why")
        ]
    return [*warnings, good("configuration", errors[0] if errors else "valid")]


def check_daemon(seen: Observation | DaemonError) -> list[Finding]:
    """Does it run, and what does it say of itself?"""
    if isinstance(seen, DaemonError):
        if seen.failure is Failure.PERMISSION:
            return [note("daemon", str(seen))]
        return [problem("daemon", str(seen).partition("; ")[0], "sudo systemctl start ntp-daemon, or: sudo ntp-daemon")]
    program, system = seen.program, seen.system
    findings = [good("daemon", f"{program.name} {program.version} runs, pid {program.pid}")]
    if program.clock is ClockMode.VIRTUAL and program.clock_reason:
        findings.append(
            problem("clock", f"the system clock is not corrected: {program.clock_reason}", "start the daemon with sudo, or give it CAP_SYS_TIME")
        )
    if program.clock is not ClockMode.LOCAL:
        findings.append(_state_of(seen))
    if system.displacement_count:
        findings.append(
            warning(
                "clock",
                f"something else has set the clock {system.displacement_count} times",
                "see rivals; in a virtual machine also the host's time service",
            )
        )
    findings += [finding for source in seen.sources if (finding := _finding_of(source)) is not None]
    lost = sum(server.kernel_drops for server in seen.servers)
    if lost:
        findings.append(
            warning(
                "server",
                f"{lost} requests came faster than they were answered, and are lost",
                "more workers, or a larger receive-buffer, in [[server]]",
            )
        )
    return findings


def _state_of(seen: Observation) -> Finding:
    system = seen.system
    if system.state is SyncState.SYNCHRONIZED:
        return good("clock", f"synchronized: {system.reason}")
    return problem("clock", f"{system.state.value}: {system.reason}", _FIXES[system.state])


def _finding_of(source: SourceObservation) -> Finding | None:
    if source.status in (SourceStatus.SELECTED, SourceStatus.STARTING):
        if "daemon" in (source.receive_stamps, source.transmit_stamps):
            return warning(
                "stamps", f"{source.name}: packets are stamped by the daemon, not by the kernel", "was the C extension built? see `stamps`"
            )
        return None
    return warning("sources", f"{source.name}: {source.reason}", _SOURCE_FIXES[source.status])


def check_names(sources: Iterable[ServerAddress], resolve: Callable[[str], str]) -> list[Finding]:
    """Do the names of the sources have addresses?

    Args:
        sources: As configured.
        resolve: Looks a name up, and says what is wrong, or "".
    """
    names = list(dict.fromkeys(source.host for source in sources if source.numeric() is None))
    if not names:
        return [good("names", "no source needs a name service")]
    wrong = [(name, reason) for name in names if (reason := resolve(name))]
    fix = "is the name right? does `getent hosts NAME` find it? /etc/resolv.conf says who is asked; a numeric address needs nobody"
    return [problem("names", f"{name} does not resolve: {reason}", fix) for name, reason in wrong] or [
        good("names", f"{', '.join(names)} can be resolved")
    ]


def check_servers(asked: Iterable[Asked]) -> list[Finding]:
    """Do the servers answer?"""
    results = list(asked)
    failed = [result for result in results if result.problem]
    answering = [result for result in results if not result.problem]
    fix = "is UDP port 123 open on the way out and back? is it the right server?"
    findings = [(warning if answering else problem)("servers", f"{result.server}: {result.problem}", fix) for result in failed]
    if answering:
        findings.append(good("servers", f"{', '.join(str(result.server) for result in answering)} told the time"))
    return findings
