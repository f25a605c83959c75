"""The responder in Python keeps the contract that the fast path keeps too."""

from __future__ import annotations

from contracts.responder_contract import Respond, ResponderContract
from ntp_proto.server import PythonClientTable, Responder, ServerPolicy


class TestResponder(ResponderContract):
    def make(self, policy: ServerPolicy) -> Respond:
        return Responder(policy, PythonClientTable(policy.clients, bytes(32))).respond
