"""Servers that are wrong on purpose, for testing how NTP clients bear it. Not for use on a network."""
