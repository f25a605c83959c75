# What the compiled binding offers, and the one without a compiler (`_timex_abi`) after `ffi.dlopen(None)`; see _ffi/timex.cdef.h.

from typing import Protocol

class TimevalStruct(Protocol):
    tv_sec: int
    tv_usec: int

class TimexStruct(Protocol):
    modes: int
    offset: int
    freq: int
    maxerror: int
    esterror: int
    status: int
    constant: int
    time: TimevalStruct
    tick: int
    tai: int

class TimexFfi(Protocol):
    errno: int
    def new(self, kind: str) -> TimexStruct: ...

class TimexLib(Protocol):
    def clock_adjtime(self, clock_id: int, parameters: TimexStruct, /) -> int: ...

ffi: TimexFfi
lib: TimexLib
