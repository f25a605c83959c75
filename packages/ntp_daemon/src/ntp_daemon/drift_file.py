"""The drift file: the oscillator's frequency, kept over a restart so that the next start begins with it.

The format is that of ntpd and chrony, for people as much as for programs: a comment, then the frequency and its standard error in ppm.

    # ntp-daemon: correction of the system clock's frequency and its standard error, ppm; > 0: the clock is made to run faster
    -12.345678 0.012000

Inside the program both are dimensionless (s/s). The file is replaced as a whole: whoever reads it sees the old one or the new one.
"""

from __future__ import annotations

import contextlib
import math
import os
import stat
from pathlib import Path
from typing import NamedTuple

from ntp_proto.errors import NtpError

__all__ = ["Drift", "DriftFileError", "LoadedDrift", "load", "save"]

_HEADER = "# ntp-daemon: correction of the system clock's frequency and its standard error, ppm; > 0: the clock is made to run faster"
_PPM = 1e-6
_MAXIMUM_SIZE = 4096


class DriftFileError(NtpError):
    """The drift file could not be written. The text says why; the old one, if any, is as it was."""


class Drift(NamedTuple):
    """What is known of an oscillator.

    Attributes:
        frequency: The correction it needs, s/s; > 0: the clock is made to run faster.
        uncertainty: The standard error of that, s/s, 0 or more; None when the file does not say.
    """

    frequency: float
    uncertainty: float | None


class LoadedDrift(NamedTuple):
    """What was found.

    Attributes:
        drift: None when there is no file, or none that can be used.
        warning: Why the file was not used though it is there, one sentence; "" otherwise.
    """

    drift: Drift | None
    warning: str


def load(path: Path, *, maximum_frequency: float) -> LoadedDrift:
    """Read the drift file. A missing one is normal; a useless one is a warning and never an error: the clock can be kept right without it.

    Args:
        path: The file.
        maximum_frequency: The largest frequency to believe, s/s.
    """
    try:
        text = _read(path)
    except FileNotFoundError:
        return LoadedDrift(None, "")
    except (OSError, ValueError) as error:
        return LoadedDrift(None, f"drift file {path} is not used: {_reason(error)}")
    drift = _parse(text)
    if drift is None:
        return LoadedDrift(None, f"drift file {path} is not used: it should hold a frequency and its error in ppm, like -12.345678 0.012000")
    if abs(drift.frequency) > maximum_frequency:
        shown, limit = drift.frequency / _PPM, maximum_frequency / _PPM
        return LoadedDrift(None, f"drift file {path} is not used: {shown:g} ppm is more than the limit of {limit:g} ppm")
    return LoadedDrift(drift, "")


def save(path: Path, drift: Drift) -> None:
    """Replace the drift file; its directory is made when only that is missing. Blocks until the disk has it.

    Raises:
        DriftFileError: it could not be written, or what is there is not a file.
    """
    numbers = [drift.frequency] if drift.uncertainty is None else [drift.frequency, drift.uncertainty]
    text = f"{_HEADER}\n{' '.join(f'{number / _PPM:.6f}' for number in numbers)}\n"
    try:
        if path.exists() and not path.is_file():
            raise DriftFileError(f"cannot write drift file {path}: it exists and is not a file")
        with contextlib.suppress(FileExistsError):
            path.parent.mkdir(mode=0o755)
        _replace(path, text.encode("ascii"))
    except OSError as error:
        raise DriftFileError(f"cannot write drift file {path}: {_reason(error)}") from error


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)  # of an earlier process with our number that was killed here
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    # The new name is on the disk once the directory is; after a crash before that the old file is there, which is as good.
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _read(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # without waiting: it may be a pipe
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("it is not a file")
        data = os.read(descriptor, _MAXIMUM_SIZE + 1)
    finally:
        os.close(descriptor)
    if len(data) > _MAXIMUM_SIZE:
        raise ValueError(f"it is larger than {_MAXIMUM_SIZE} bytes")
    return data.decode("utf-8", errors="replace")


def _parse(text: str) -> Drift | None:
    words = " ".join(line for line in text.splitlines() if not line.lstrip().startswith("#")).split()
    try:
        numbers = [float(word) * _PPM for word in words]
    except ValueError:
        return None
    if len(numbers) not in (1, 2) or not all(map(math.isfinite, numbers)):
        return None
    uncertainty = numbers[1] if len(numbers) == 2 else None
    return Drift(numbers[0], uncertainty) if uncertainty is None or uncertainty >= 0.0 else None


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
