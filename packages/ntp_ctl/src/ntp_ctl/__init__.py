"""Asks and steers a running ntp-daemon over its two Unix sockets. `client` and `openmetrics` serve the metrics exporter too."""

__all__: list[str] = []
