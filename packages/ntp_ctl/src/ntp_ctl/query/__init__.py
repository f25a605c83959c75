"""Asks any NTP server for the time, once, and sets no clock: `await query("time.example.net")`, or `query_sync` without an event loop.

An answer is believed by the rules of the daemon's client, and stamped as precisely. A server that answers and has no time (a kiss of death, not
synchronized) makes a result that says so; everything else that goes wrong is a `QueryError`.
"""

from ntp_ctl.query.asking import DEFAULT_TIMEOUT_S, query, query_sync
from ntp_ctl.query.errors import NoAnswerError, QueryError, UnknownServerError, UnreachableError
from ntp_ctl.query.result import QueryResult

__all__ = ["DEFAULT_TIMEOUT_S", "NoAnswerError", "QueryError", "QueryResult", "UnknownServerError", "UnreachableError", "query", "query_sync"]
