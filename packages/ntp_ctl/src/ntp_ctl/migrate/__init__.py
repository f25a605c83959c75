"""`ntp-ctl migrate`: a configuration of chrony or ntpd in our words, with a note for everything that has no equivalent."""
