from typing import Protocol

from ntp_daemon._privileges import PrivilegesFfi, PrivilegesLib

class AbiFfi(PrivilegesFfi, Protocol):
    def dlopen(self, name: None) -> PrivilegesLib: ...

ffi: AbiFfi
