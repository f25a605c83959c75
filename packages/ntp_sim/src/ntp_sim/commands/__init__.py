"""What each command of `ntp-sim` does."""
