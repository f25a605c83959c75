"""Answering clients: sockets, worker processes, counters and events. Imported only by a daemon that serves."""

__all__: list[str] = []
