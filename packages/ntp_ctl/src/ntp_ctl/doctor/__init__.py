"""`ntp-ctl doctor`: what is in the way of the right time, and what to do about it."""
