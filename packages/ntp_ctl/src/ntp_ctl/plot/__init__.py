"""`ntp-ctl plot`: pictures of a measurement log."""
