"""Compare how well NTP daemons keep a clock, under clknetsim: one command for all scenarios and every daemon at hand.

    CLKNETSIM=DIR python benchmarks/discipline/run.py [--seeds N] [--scenario NAME]… [--only equal|free]

Environment:
    CLKNETSIM  folder of a built clknetsim (required)
    CHRONYD    chronyd, which plays the servers and is compared (else from PATH)
    NTPSEC     NTPsec's ntpd (optional)
    NTPDRS     ntpd-rs's ntp-daemon (optional)

Exit status: 0 done; 1 a simulation failed; 2 wrong usage; 3 something needed is missing, and standard error says what.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from clknetsim import RunError, Simulator, build_shim, give_up_the_clock
from daemons import OURS, Daemon, MissingError, find_daemons, find_tools
from runs import Run
from scenarios import SCENARIOS, Scenario
from tables import tables

_FAILED = 1
_MISSING = 3


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=_count, default=10, metavar="N", help="runs per daemon and scenario, with seeds 1 to N (default 10)")
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, metavar="NAME", help="only this one; repeatable")
    parser.add_argument("--only", choices=("equal", "free"), help="only the fixed poll intervals, or only the free ones")
    parser.add_argument("--daemon", action="append", choices=("chrony", OURS, "ntpsec", "ntpd-rs"), help="only this one; repeatable")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write one line per run, from which tables.py makes the tables again")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables here as well")
    parser.add_argument("--patience", type=float, default=300.0, metavar="S", help="give up a run after so many real seconds (default 300)")
    parser.add_argument("--list", action="store_true", help="say what the scenarios are, and end")
    arguments = parser.parse_args()
    if not arguments.list and not _chosen(arguments):
        parser.error(f"none of these scenarios is --only {arguments.only}")
    return arguments


def _chosen(arguments: argparse.Namespace) -> list[Scenario]:
    named = [SCENARIOS[name] for name in dict.fromkeys(arguments.scenario or SCENARIOS)]
    return [scenario for scenario in named if arguments.only is None or scenario.is_equal_samples == (arguments.only == "equal")]


def _daemons(chronyd: str, wanted: list[str] | None) -> list[Daemon]:
    """The daemons to compare; says which optional ones are left out.

    Raises:
        MissingError: one that was asked for is not at hand.
    """
    daemons, absent = find_daemons(chronyd)
    if wanted is None:
        for sentence in absent:
            print(sentence, file=sys.stderr)
        return daemons
    if lacking := set(wanted) - {daemon.name for daemon in daemons}:
        raise MissingError(*(f"{name} was asked for, but {'NTPSEC' if name == 'ntpsec' else 'NTPDRS'} is not set." for name in sorted(lacking)))
    return [daemon for daemon in daemons if daemon.name in wanted]


def _run(simulator: Simulator, daemon: Daemon, scenario: Scenario, seed: int) -> Run:
    attempt, error = 0, ""
    while attempt < daemon.attempts:
        attempt += 1
        try:
            return Run(scenario.name, daemon.name, seed, attempt, simulator.run(daemon, scenario, seed), None)
        except RunError as failure:
            error = str(failure)
    return Run(scenario.name, daemon.name, seed, attempt, None, error)


def _runs(simulator: Simulator, daemons: list[Daemon], scenarios: list[Scenario], seeds: int) -> Iterator[Run]:
    for scenario in scenarios:
        for daemon in daemons:
            for seed in range(1, seeds + 1):
                run = _run(simulator, daemon, scenario, seed)
                outcome = run.error or (f"RMS error {run.figures.rms_s * 1e6:.3g} µs" if run.figures else "")
                print(f"{scenario.name} {daemon.name} seed {seed}: {outcome}", file=sys.stderr, flush=True)
                yield run


def _compare(arguments: argparse.Namespace, simulator: Simulator, daemons: list[Daemon]) -> int:
    with contextlib.ExitStack() as stack:
        file: TextIO | None = stack.enter_context(arguments.json.open("w")) if arguments.json else None
        runs = []
        for run in _runs(simulator, daemons, _chosen(arguments), arguments.seeds):
            runs.append(run)
            if file:
                print(run.to_json(), file=file, flush=True)
    versions = "".join(f"- {daemon.name}: {daemon.version()}\n" for daemon in daemons)
    report = f"{versions}- seeds 1 to {arguments.seeds}\n\n{tables(runs)}"
    print(report, end="")
    if arguments.markdown:
        arguments.markdown.write_text(report)
    return _FAILED if any(run.error for run in runs) else 0


def main() -> int:
    arguments = _arguments()
    if arguments.list:
        for scenario in SCENARIOS.values():
            print(f"{scenario.name:12} {scenario.summary}; {scenario.length_s} s, counted from {scenario.settle_s} s on")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the daemons are stopped on the way out
    try:
        tools = find_tools()
        daemons = _daemons(tools.chronyd, arguments.daemon)
    except MissingError as error:
        print(*error.args, sep="\n", file=sys.stderr)
        return _MISSING
    try:
        give_up_the_clock()
        with tempfile.TemporaryDirectory(prefix="discipline.") as folder:
            return _compare(arguments, Simulator(tools, build_shim(Path(folder)), arguments.patience), daemons)
    except RunError as error:
        print(error, file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
