from typing import Protocol

from ntp_os_clock._timex import TimexFfi, TimexLib

class AbiFfi(TimexFfi, Protocol):
    def dlopen(self, name: None) -> TimexLib: ...

ffi: AbiFfi
