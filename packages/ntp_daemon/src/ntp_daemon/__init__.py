"""The daemon: asyncio, files, signals and sockets around the client of `ntp_proto`."""

__all__: list[str] = []
