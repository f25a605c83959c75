"""`ntp-ctl`: asks and steers a running ntp-daemon."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from ntp_ctl.arguments import Arguments, make_parser
from ntp_ctl.client import DaemonError, Failure
from ntp_ctl.commands import COMMANDS
from ntp_ctl.exit_status import DONE, FAILED, WRONG_CONFIGURATION
from ntp_ctl.version import version
from ntp_proto.errors import ConfigError

__all__ = ["main"]

_NO_PERMISSION = 77  # EX_NOPERM of sysexits.h
_INTERRUPTED = 130  # 128 + SIGINT, as shells have it
_BROKEN_PIPE = 141  # 128 + SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit status; wrong usage ends in `SystemExit` with 2, as argparse has it.
    """
    parser = make_parser()
    arguments = parser.parse_args(argv, namespace=Arguments())
    if arguments.version:
        sys.stdout.write(f"ntp-ctl {version()}\n")
        return DONE
    if arguments.command is None:
        parser.print_help()
        return DONE
    return _run(arguments.command, arguments)


def _run(command: str, arguments: Arguments) -> int:
    try:
        status = COMMANDS[command](arguments)
        sys.stdout.flush()
    except DaemonError as error:
        sys.stderr.write(f"ntp-ctl: {error}\n")
        return _NO_PERMISSION if error.failure is Failure.PERMISSION else FAILED
    except ConfigError as error:
        sys.stderr.write(f"ntp-ctl: {error}\n")
        return WRONG_CONFIGURATION
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Python would complain again when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except KeyboardInterrupt:
        return _INTERRUPTED
    return status


if __name__ == "__main__":
    sys.exit(main())
