"""A worker: a process of its own that answers on inherited sockets, and can do nothing else.

    python -m ntp_daemon.serving.worker SETUP

SETUP is a descriptor, see `messages`. It has no capability, no way to a new one, and no right to the clock. It is alone with its sockets: should a
datagram ever bring it down, the daemon starts another. It ends when the daemon says so, or has gone.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import time

from ntp_daemon.capabilities import bound_to, limit_to
from ntp_daemon.serving.counters import CounterPage
from ntp_daemon.serving.dns_policy import open_dns_policy
from ntp_daemon.serving.event_queue import EventQueue
from ntp_daemon.serving.messages import MESSAGE_MAXIMUM, ClientReport, Order, Report, WorkerSetup, load_setup, pack_clients
from ntp_daemon.serving.publication import SnapshotReader
from ntp_daemon.serving.servant import Judges, Servant
from ntp_daemon.serving.shared_memory import SharedRegion
from ntp_proto.server import Snapshot
from ntp_udp.server_socket import ServerSocket

__all__ = ["Worker", "main"]

_IDLE_S = 10.0
_NICE = 5
"""A worker under a flood takes all that it gets, and the daemon has a clock to keep. A late answer is as good as any: its timestamps say so."""
_CLIENTS_COUNTED_S = 10.0
"""How often the remembered clients are counted, which takes a look at each."""


class Worker:
    """The loop.

    Args:
        setup: What the daemon has prepared.
        control: The way to the daemon.

    Raises:
        OSError: Something that was inherited is not what it should be.
        ConfigError: The policy by names cannot work.
    """

    def __init__(self, setup: WorkerSetup, control: socket.socket) -> None:
        self._control = control
        self._reader = SnapshotReader(setup.snapshot)
        self._clock_sets = self._reader.clock_sets
        self._page = CounterPage(SharedRegion.attach(setup.counters, writable=True).words)
        self._names = open_dns_policy(setup.settings.dns_policy)
        sockets = [ServerSocket.adopt(fd) for fd in setup.sockets]
        self._servant = Servant(sockets, setup.settings.policy, self._snapshot, Judges(names=self._names), self._page)
        self._events = EventQueue(control)
        self._clients = 0
        self._clients_counted_at = time.monotonic()

    def run(self) -> None:
        """Serve until told to stop."""
        orders = select.poll()
        orders.register(self._control, select.POLLIN)
        self._control.send(Report.READY.value)
        goes_on = True
        while goes_on:
            self._servant.serve(timeout_s=_IDLE_S, wake_fd=self._control.fileno())
            while goes_on and orders.poll(0):
                goes_on = self._obey()
            self._events.flush()
            self._show()
            self._page.take_turn()

    def close(self) -> None:
        """End the look-ups; the rest ends with the process."""
        if self._names is not None:
            self._names.close()

    def _snapshot(self) -> Snapshot:
        snapshot = self._reader.read()
        if self._reader.clock_sets != self._clock_sets:
            self._clock_sets = self._reader.clock_sets
            self._servant.handle_clock_set()
        return snapshot

    def _obey(self) -> bool:
        """Carry out one order; False: it was the last."""
        order = self._control.recv(MESSAGE_MAXIMUM)
        if not order:  # the daemon has gone, and the service with it
            return False
        match Order(order[:1]):
            case Order.LOOK:
                pass  # it was to end the waiting: every call begins with the newest snapshot, and every turn is counted
            case Order.EVENTS_ON:
                self._servant.events = self._events.put
            case Order.EVENTS_OFF:
                self._servant.events = None
            case Order.CLIENTS:
                self._report_clients(int.from_bytes(order[1:], "little"))
            case Order.STOP:
                self._servant.drain()
                return False
        return True

    def _report_clients(self, count: int) -> None:
        self._clients = self._servant.active_clients()
        report = ClientReport(self._clients, self._servant.top_clients(count))
        self._events.send(Report.CLIENTS.value + pack_clients(report))

    def _show(self) -> None:
        now = time.monotonic()
        if now - self._clients_counted_at >= _CLIENTS_COUNTED_S:
            self._clients_counted_at = now
            self._clients = self._servant.active_clients()
        self._servant.show(clients=self._clients, events_lost=self._events.lost)


def main(argv: list[str]) -> int:
    """Be a worker; returns the exit status."""
    # The terminal and the service manager send these to every process of the service. The daemon decides when its workers end.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(PermissionError):  # a filter of system calls may forbid it; a worker serves as well without
        os.nice(_NICE)
    setup = load_setup(int(argv[1]))
    with socket.socket(fileno=setup.control) as control:
        try:
            worker = Worker(setup, control)  # everything is loaded and opened here
            bound_to(frozenset())
            setup.surrender.carry_out(keeps_clock=False)
            limit_to(frozenset())
        except Exception as error:  # noqa: BLE001 -- whatever it is, the daemon has to be told why there is no worker
            control.send(Report.FAILED.value + f"{type(error).__name__}: {error}".encode()[: MESSAGE_MAXIMUM - 1])
            return 1
        try:
            worker.run()
        except (BrokenPipeError, ConnectionResetError):
            return 0  # the daemon has gone in the middle of a message
        finally:
            worker.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
