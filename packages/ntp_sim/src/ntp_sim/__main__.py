"""The command `ntp-sim`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ntp_proto.errors import NtpError

__all__ = ["main", "make_parser"]

EXIT_BROKEN = 1
EXIT_USAGE = 2

_EPILOG = """\
examples:
  ntp-sim list tests/simulation/scenarios          what there is
  ntp-sim run inet4.toml --seeds 10 --jobs 4       a table, and whether the limits were kept
  ntp-sim run inet4.toml --plot inet4.png          the error over time with its published bounds, and the Allan deviation
  ntp-sim compare inet4.toml a.toml b.toml         two settings on the same seeds
  ntp-sim survey --count 100 --jobs 2              worlds drawn at random: how near to the possible, and where not
  ntp-sim replay measurements.log --set step-threshold=0.1

exit status: 0 good, 1 a limit was broken, 2 wrong usage or a file that is wrong
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = make_parser()
    arguments = parser.parse_args(argv)
    if arguments.version:
        print(f"ntp-sim {_version()}")  # noqa: T201 — it was asked for
        return 0
    if arguments.command is None:
        parser.print_help()
        return EXIT_USAGE
    try:
        return _run(arguments)
    except NtpError as error:
        print(f"ntp-sim: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_USAGE
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python would complain again when it flushes at the end
        return 0


def make_parser() -> argparse.ArgumentParser:
    """The options of the program."""
    parser = argparse.ArgumentParser(
        prog="ntp-sim",
        description="Runs the daemon's own client and discipline in virtual time, against simulated clocks, paths and servers.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-V", "--version", action="store_true", help="print the version, and end")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    run = commands.add_parser("run", help="run scenarios and show a table")
    run.add_argument("files", metavar="FILE", nargs="+", type=Path, help="a scenario, or a directory with scenarios")
    run.add_argument("--plot", metavar="PNG", type=Path, help="draw the first seed of each scenario (needs matplotlib)")
    compare = commands.add_parser("compare", help="compare settings on the same scenario and seeds")
    compare.add_argument("file", metavar="FILE", type=Path, help="a scenario")
    compare.add_argument("settings", metavar="SETTINGS", nargs="+", type=Path, help="a file with [discipline] and [source-defaults] only")
    for command in (run, compare):
        command.add_argument("--seeds", metavar="N", type=_positive, default=1, help="how many runs of each (default: 1)")
        command.add_argument("--first-seed", metavar="K", type=int, default=1, help="the first of them (default: 1)")
        command.add_argument("--jobs", metavar="N", type=_positive, default=1, help="how many runs at a time (default: 1)")
    survey = commands.add_parser("survey", help="draw worlds at random and show how well the clock is kept in them")
    survey.add_argument("--count", metavar="N", type=_positive, default=20, help="how many worlds (default: 20)")
    survey.add_argument("--seed", metavar="S", type=int, default=1, help="of the first world; the next ones follow (default: 1)")
    survey.add_argument("--events", action="store_true", help="let something happen in each of them")
    survey.add_argument("--jobs", metavar="N", type=_positive, default=1, help="how many runs at a time (default: 1)")
    survey.add_argument("--write", metavar="FILE", type=Path, help="write the first world as a scenario, and run none")
    replay = commands.add_parser("replay", help="send a daemon's measurement log through the discipline again")
    replay.add_argument("log", metavar="LOG", type=Path, help="written by ntp-daemon ([observability] measurement-log)")
    replay.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="another value for a key of [discipline]; repeatable")
    replay.add_argument("--run", metavar="N", type=_positive, help="which run of the daemon, of those in the file, from 1 (default: the last)")
    listing = commands.add_parser("list", help="show the scenarios that there are")
    listing.add_argument("paths", metavar="PATH", nargs="*", type=Path, default=[Path()], help="files and directories (default: here)")
    for command in (run, compare, survey, replay, listing):
        command.add_argument("--json", action="store_true", help="JSON instead of a table")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _run(arguments: argparse.Namespace) -> int:
    match arguments.command:
        case "run":
            from ntp_sim.commands.run import run_scenarios  # noqa: PLC0415 — each command loads what it needs

            kept = run_scenarios(
                arguments.files,
                range(arguments.first_seed, arguments.first_seed + arguments.seeds),
                jobs=arguments.jobs,
                plot=arguments.plot,
                as_json=arguments.json,
            )
            return 0 if kept else EXIT_BROKEN
        case "compare":
            from ntp_sim.commands.compare import compare_settings  # noqa: PLC0415

            seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
            compare_settings(arguments.file, arguments.settings, seeds, jobs=arguments.jobs, as_json=arguments.json)
        case "survey":
            from ntp_sim.commands.survey import survey_worlds, write_world  # noqa: PLC0415

            if arguments.write:
                write_world(arguments.write, arguments.seed, has_event=arguments.events)
                return 0
            seeds = range(arguments.seed, arguments.seed + arguments.count)
            survey_worlds(seeds, jobs=arguments.jobs, has_events=arguments.events, as_json=arguments.json)
        case "replay":
            from ntp_sim.commands.replay import replay_log  # noqa: PLC0415

            replay_log(arguments.log, arguments.set, run=arguments.run, as_json=arguments.json)
        case _:
            from ntp_sim.commands.list import list_scenarios  # noqa: PLC0415

            list_scenarios(arguments.paths, as_json=arguments.json)
    return 0


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 — takes 10 ms

    try:
        return version("ntpd-py")
    except PackageNotFoundError:
        return "unknown"


if __name__ == "__main__":
    sys.exit(main())
