"""`ntp-ctl completion`: scripts for bash, zsh and fish, made from the option parsers of the programs."""
