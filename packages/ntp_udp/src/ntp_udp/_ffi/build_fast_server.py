"""How the binding of the fast path is made. Without a compiler every request takes the slow path, so there is no second binding."""

from __future__ import annotations

from pathlib import Path

from cffi import FFI

HERE = Path(__file__).resolve().parent
MODULE = "ntp_udp._fast_server"


def make_api(module: str, arguments: list[str]) -> FFI:
    """The compiled binding."""
    ffi = FFI()
    ffi.cdef((HERE / "fast_server.cdef.h").read_text())
    ffi.set_source(module, '#include "fast_server.c"', include_dirs=[str(HERE)], extra_compile_args=arguments, libraries=["m"])
    return ffi
