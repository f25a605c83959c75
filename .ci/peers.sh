#!/bin/sh
# Fetches Debian's chronyd, for the tests that compare with it, and prints its path. Nothing is installed and no service is started.
#   CHRONYD=$(.ci/peers.sh) ./dev test -m peer
# The directory (default: $XDG_CACHE_HOME/ntpd-py) is an argument. Without apt, or without a network, it says so and ends with 1:
# the tests are then skipped.
set -eu

folder=${1:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/ntpd-py}
program=$folder/chrony/usr/sbin/chronyd

if [ ! -x "$program" ]; then
    command -v apt-get >/dev/null && command -v dpkg >/dev/null || { echo "peers.sh: this needs apt-get and dpkg" >&2; exit 1; }
    mkdir -p "$folder"
    work=$(mktemp -d "$folder/fetch.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    # apt's sandbox user must be able to write where the package goes; as ourselves it can.
    (cd "$work" && apt-get -q -o APT::Sandbox::User="$(id -un)" download chrony >&2) || { echo "peers.sh: apt-get cannot download chrony" >&2; exit 1; }
    dpkg -x "$work"/chrony_*.deb "$work/chrony"
    # One rename, so that a path that is printed is a whole package.
    rm -rf "$folder/chrony"
    mv "$work/chrony" "$folder/chrony"
fi
"$program" -v >/dev/null || { echo "peers.sh: $program does not run here; are its libraries installed?" >&2; exit 1; }
echo "$program"
