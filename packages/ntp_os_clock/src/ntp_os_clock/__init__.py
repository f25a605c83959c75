"""The machine's clocks: the system clock, steered or only looked at, and a virtual one for programs that may not set it."""

from ntp_os_clock.os_clock import OsClock
from ntp_os_clock.read_only_clock import ReadOnlyClock
from ntp_os_clock.readings import MachineReadings, Readings
from ntp_os_clock.virtual_clock import VirtualClock

__all__ = ["MachineReadings", "OsClock", "ReadOnlyClock", "Readings", "VirtualClock"]
