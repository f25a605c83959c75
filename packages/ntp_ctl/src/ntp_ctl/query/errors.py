"""What can go wrong with a query.

    NtpError
     └── QueryError                no answer was had
          ├── UnknownServerError   the name is none, or has no address
          ├── UnreachableError     nothing could be sent, or the network says that nobody listens
          └── NoAnswerError        the time was up

An answer that is of no use is no error: see `QueryResult.rejection`.
"""

from __future__ import annotations

from collections import Counter

from ntp_proto.association import Rejection
from ntp_proto.errors import NtpError

__all__ = ["NoAnswerError", "QueryError", "UnknownServerError", "UnreachableError"]


class QueryError(NtpError):
    """No answer was had. The text says from whom and why, for people."""


class UnknownServerError(QueryError):
    """The server's name is not a name or an address, or no address was found for it."""


class UnreachableError(QueryError):
    """Nothing could be sent, or the network said that nobody listens there."""


class NoAnswerError(QueryError):
    """No answer came in time.

    Args:
        message: What was waited for, and how long.
        rejections: Datagrams that did come, by the reason why none of them was the answer.
    """

    def __init__(self, message: str, rejections: Counter[Rejection]) -> None:
        super().__init__(message)
        self.rejections = rejections
