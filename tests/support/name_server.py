"""A name server on loopback that knows one name for every address, or says nothing."""

from __future__ import annotations

import socket
import threading

import dns.message
import dns.rrset

__all__ = ["NameServer"]


class NameServer:
    """Answers PTR questions on loopback, or says nothing."""

    def __init__(self, answer: str | None) -> None:
        self.asked = 0
        self.questions: list[str] = []
        self._answer = answer
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self.place = "{}:{}".format(*self._sock.getsockname())
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            data, client = self._sock.recvfrom(2048)
            if not data:
                return
            self.asked += 1
            question = dns.message.from_wire(data)
            self.questions.append(str(question.question[0]))
            reply = dns.message.make_response(question)
            if self._answer is not None:
                reply.answer.append(dns.rrset.from_text(question.question[0].name, 60, "IN", "PTR", self._answer))
                self._sock.sendto(reply.to_wire(), client)

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"", self._sock.getsockname())
        self._thread.join()
        self._sock.close()
