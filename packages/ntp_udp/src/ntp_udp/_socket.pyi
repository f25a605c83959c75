# What the compiled binding offers; see _ffi/socket.cdef.h.
from typing import Literal, Protocol, overload

class Bytes(Protocol):
    def __len__(self) -> int: ...

class DatagramStruct(Protocol):
    stamp_ns: int
    length: int
    scope_id: int
    port: int
    address_length: int
    kernel_stamp: int
    truncated: int
    address: Bytes
    data: Bytes

class Nanoseconds(Protocol):
    def __getitem__(self, index: Literal[0], /) -> int: ...

class SocketFfi(Protocol):
    @overload
    def new(self, kind: Literal["struct ntp_datagram *"]) -> DatagramStruct: ...
    @overload
    def new(self, kind: Literal["int64_t *"]) -> Nanoseconds: ...
    def buffer(self, array: Bytes, size: int) -> memoryview: ...

class SocketLib(Protocol):
    def ntp_enable_stamps(self, fd: int, departures: bool, /) -> int: ...
    def ntp_receive(self, fd: int, out: DatagramStruct, /) -> int: ...
    def ntp_send(self, fd: int, data: bytes, length: int, before_ns: Nanoseconds, /) -> int: ...
    def ntp_departure(self, fd: int, number: int, stamp_ns: Nanoseconds, /) -> int: ...

ffi: SocketFfi
lib: SocketLib
