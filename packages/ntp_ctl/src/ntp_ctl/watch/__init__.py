"""`ntp-ctl watch`: the status, live."""
