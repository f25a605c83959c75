#!/bin/sh
# Fetches programs of others, for the tests that compare with them, and prints the path of one. Nothing is installed and no service is started.
#   CHRONYD=$(.ci/peers.sh) NTPD=$(.ci/peers.sh ntpd) NTPDIG=$(.ci/peers.sh ntpdig) ./dev test -m peer
# The first argument is chronyd (the default), or ntpd or ntpdig, which are NTPsec's. The directory (default: $XDG_CACHE_HOME/ntpd-py) is the
# second. Without apt, or without a network, it says so and ends with 1: the tests are then skipped.
set -eu

peer=${1:-chronyd}
folder=${2:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/ntpd-py}
case $peer in
    chronyd) packages=chrony path=usr/sbin/chronyd version=-v ;;
    ntpd) packages=ntpsec path=usr/sbin/ntpd version=-V ;;
    ntpdig) packages="ntpsec-ntpdig python3-ntp" path=bin/ntpdig version=-V ;;
    *) echo "peers.sh: no peer is called $peer; there are chronyd, ntpd and ntpdig" >&2; exit 2 ;;
esac
program=$folder/$peer/$path

# ntpdig looks for its modules and its library where Debian installs them: the library beside the modules is found too, and a script says where those are.
prepare_ntpdig() {
    modules=usr/lib/python3/dist-packages
    cp "$1"/usr/lib/*/ntp/libntpc.so.*.* "$1/$modules/ntp/libntpc.so"
    mkdir "$1/bin"
    cat > "$1/bin/ntpdig" <<END
#!/bin/sh
export PYTHONPATH="\$(dirname "\$0")/../$modules"
exec python3 "\$(dirname "\$0")/../usr/bin/ntpdig" "\$@"
END
    chmod +x "$1/bin/ntpdig"
}

if [ ! -x "$program" ]; then
    command -v apt-get >/dev/null && command -v dpkg >/dev/null || { echo "peers.sh: this needs apt-get and dpkg" >&2; exit 1; }
    mkdir -p "$folder"
    work=$(mktemp -d "$folder/fetch.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    # apt's sandbox user must be able to write where the package goes; as ourselves it can.
    (cd "$work" && apt-get -q -o APT::Sandbox::User="$(id -un)" download $packages >&2) || { echo "peers.sh: apt-get cannot download $packages" >&2; exit 1; }
    for package in "$work"/*.deb; do
        dpkg -x "$package" "$work/$peer"
    done
    if [ "$peer" = ntpdig ]; then
        prepare_ntpdig "$work/$peer"
    fi
    # One rename, so that a path that is printed is a whole package.
    rm -rf "${folder:?}/$peer"
    mv "$work/$peer" "$folder/$peer"
fi
"$program" "$version" >/dev/null || { echo "peers.sh: $program does not run here; are its libraries installed?" >&2; exit 1; }
echo "$program"
