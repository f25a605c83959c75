"""Shows the state of a running ntp-daemon to Prometheus over HTTP. Needs no privilege; reads the observation socket once for each scrape."""

__all__: list[str] = []
