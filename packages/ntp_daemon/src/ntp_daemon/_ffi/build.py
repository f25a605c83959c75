"""How the binding of prctl and capset is made: compiled, and as a Python module that calls the C library through libffi."""

from __future__ import annotations

from pathlib import Path

from cffi import FFI

HERE = Path(__file__).resolve().parent
MODULE = "ntp_daemon._privileges"


def make_api(module: str, arguments: list[str]) -> FFI:
    """The compiled binding."""
    ffi = FFI()
    ffi.cdef((HERE / "privileges.cdef.h").read_text())
    ffi.set_source(module, '#include "privileges.c"', include_dirs=[str(HERE)], extra_compile_args=arguments)
    return ffi


def make_abi(module: str) -> FFI:
    """The binding that needs no compiler."""
    ffi = FFI()
    ffi.cdef((HERE / "privileges.cdef.h").read_text())
    ffi.set_source(module, None)
    return ffi
