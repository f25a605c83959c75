#!/bin/sh
# Fetches a browser, for the tests that look at the dashboard's page, and prints its path. Nothing is installed and no service is started.
#   CHROMIUM=$(.ci/browser.sh) ./dev test tests/system/test_dashboard_page.py
# It is Debian's chromium-headless-shell, with a font and those libraries that this machine does not have: 100 MB to fetch, or a little more. The
# directory (default: $XDG_CACHE_HOME/ntpd-py) is the first argument. Without apt, or without a network, it says so and ends with 1: the tests are
# then skipped.
set -eu

folder=${1:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/ntpd-py}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd) # the command names what lies here
program=$folder/chromium/bin/chromium
shell=usr/lib/chromium/chromium-headless-shell

fail() { echo "browser.sh: $*" >&2; exit 1; }

# With lists of packages of its own, and new ones: a mirror keeps the last version of a browser only, and those of an image may be of an older one.
# apt's sandbox user must be able to write where all that goes; as ourselves it can.
apt() {
    apt-get -qq -o APT::Sandbox::User="$(id -un)" -o Acquire::Retries=2 -o Acquire::http::Timeout=30 \
        -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" "$@" >&2
}

# Its two packages, which must lie together; a font, without which no text has a height; and what they need and is not installed here. The C library
# must be the machine's own, like what loads it.
needed() {
    echo chromium-headless-shell chromium-common fonts-dejavu-core
    apt-get -qq -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" --print-uris --no-install-recommends -y install chromium-headless-shell |
        sed -n "s/^'[^']*' \([^_]*\)_.*/\1/p" | grep -v '^libc6\|^chromium-\|^fonts-' || true
}

# The command, with the libraries and the font that came with it.
wrap() {
    libraries=$(find "$work/chromium" -name 'lib*.so*' -printf "$folder/chromium/%P\n" | sed 's,/[^/]*$,,' | sort -u | paste -sd:)
    mkdir "$work/chromium/bin"
    echo "<fontconfig><dir>$folder/chromium/usr/share/fonts</dir><cachedir>$folder/chromium/fonts</cachedir></fontconfig>" > "$work/chromium/fonts.conf"
    cat > "$work/chromium/bin/chromium" <<END
#!/bin/sh
export FONTCONFIG_FILE="$folder/chromium/fonts.conf" LD_LIBRARY_PATH="$libraries"
exec "$folder/chromium/$shell" "\$@"
END
    chmod +x "$work/chromium/bin/chromium"
}

if [ ! -x "$program" ]; then
    { command -v apt-get && command -v dpkg; } >/dev/null || fail "this needs apt-get and dpkg"
    work=$(mktemp -d "$folder/fetch.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/packages"
    apt update || fail "apt-get cannot fetch its lists of packages"
    packages=$(needed)
    # shellcheck disable=SC2086 # one word for each package
    (cd "$work/packages" && apt download $packages) || fail "apt-get cannot download the browser"
    for package in "$work"/packages/*.deb; do
        dpkg -x "$package" "$work/chromium"
    done
    wrap
    # One rename, so that a path that is printed is a whole browser.
    rm -rf "${folder:?}/chromium"
    mv "$work/chromium" "$folder/chromium"
fi
"$program" --headless --no-sandbox --dump-dom about:blank >/dev/null 2>&1 || fail "$program does not run here"
echo "$program"
