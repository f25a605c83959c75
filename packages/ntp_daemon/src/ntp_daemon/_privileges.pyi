# What the compiled binding offers, and the one without a compiler (`_privileges_abi`) after `ffi.dlopen(None)`; see _ffi/privileges.cdef.h.

from typing import Protocol

class CapabilitySets(Protocol):
    effective: int
    permitted: int
    inheritable: int

class CapabilityWords(Protocol):
    def __getitem__(self, index: int, /) -> CapabilitySets: ...

class PrivilegesFfi(Protocol):
    errno: int
    def new(self, kind: str, content: object = ...) -> CapabilityWords: ...
    def cast(self, kind: str, value: int) -> object: ...

class PrivilegesLib(Protocol):
    def prctl(self, option: int, /, *arguments: object) -> int: ...
    def capget(self, header: CapabilityWords, sets: CapabilityWords, /) -> int: ...
    def capset(self, header: CapabilityWords, sets: CapabilityWords, /) -> int: ...

ffi: PrivilegesFfi
lib: PrivilegesLib
