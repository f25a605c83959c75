"""A world in virtual time, in which the daemon's own protocol and discipline code runs against simulated clocks, links and servers.

Deterministic: the same seed gives the same run. The client is `ntp_proto.client.Client`, not a copy of it; datagrams are real bytes.
"""

from ntp_sim.network import Link, exponential
from ntp_sim.node import Machine, SimClient
from ntp_sim.oscillator import Oscillator, TemperatureCycle, TemperatureRamps
from ntp_sim.relay import RelayServer
from ntp_sim.report import BoundLog, ErrorLog
from ntp_sim.server import Behaviour, SimServer
from ntp_sim.sim_clock import SimClock
from ntp_sim.world import World

__all__ = [
    "Behaviour",
    "BoundLog",
    "ErrorLog",
    "Link",
    "Machine",
    "Oscillator",
    "RelayServer",
    "SimClient",
    "SimClock",
    "SimServer",
    "TemperatureCycle",
    "TemperatureRamps",
    "World",
    "exponential",
]
