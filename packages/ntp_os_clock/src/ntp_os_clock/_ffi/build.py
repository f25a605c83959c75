"""How the binding of clock_adjtime is made: compiled, and as a Python module that calls the C library through libffi."""

from __future__ import annotations

from pathlib import Path

from cffi import FFI

HERE = Path(__file__).resolve().parent
MODULE = "ntp_os_clock._timex"


def make_api(module: str, arguments: list[str]) -> FFI:
    """The compiled binding."""
    ffi = FFI()
    ffi.cdef((HERE / "timex.cdef.h").read_text())
    ffi.set_source(module, '#include "timex.c"', include_dirs=[str(HERE)], extra_compile_args=arguments)
    return ffi


def make_abi(module: str) -> FFI:
    """The binding that needs no compiler."""
    ffi = FFI()
    ffi.cdef((HERE / "timex.cdef.h").read_text())
    ffi.set_source(module, None)
    return ffi
