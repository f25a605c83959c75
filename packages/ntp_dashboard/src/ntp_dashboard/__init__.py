"""The management API and the live page of a running ntp-daemon, over HTTP: a process of its own, which reaches the daemon by its two sockets."""

__all__: list[str] = []
