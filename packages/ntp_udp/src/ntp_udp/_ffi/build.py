"""How the binding of the sockets is made. Without a compiler `ntp_udp.portable` takes its place, so there is no second binding."""

from __future__ import annotations

from pathlib import Path

from cffi import FFI

HERE = Path(__file__).resolve().parent
MODULE = "ntp_udp._socket"


def make_api(module: str, arguments: list[str]) -> FFI:
    """The compiled binding."""
    ffi = FFI()
    ffi.cdef((HERE / "socket.cdef.h").read_text())
    ffi.set_source(module, '#include "socket.c"', include_dirs=[str(HERE)], extra_compile_args=arguments)
    return ffi
