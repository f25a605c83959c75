#!/bin/sh
# Builds the source distribution and the wheel, with the given version stamped in:
#   scripts/build.sh VERSION [DIR]        DIR is dist/ unless given
# What is stamped is a copy: the checkout stays as it is. Only what belongs into a source distribution is taken from it, as it lies there, so a
# change that is not committed is built too. Needs Python 3.11 or newer with pip (PYTHON names another one) and, for the extensions, a compiler;
# NTP_REQUIRE_EXT=1 makes a missing one an error. Two builds of one tree with one SOURCE_DATE_EPOCH are the same, byte for byte.
set -eu

usage() {
    echo "usage: scripts/build.sh VERSION [DIR]     VERSION as in 1.2.3, 1.2.3rc1 or 1.2.3.dev4" >&2
    exit 2
}

[ $# -eq 1 ] || [ $# -eq 2 ] || usage
version=$1
case $version in *[!0-9a-z.]*) usage ;; esac
# The versions that need no normalisation (PEP 440): the name of the file is the name that was asked for.
printf '%s\n' "$version" | grep -Eqx '[0-9]+\.[0-9]+(\.[0-9]+)?((a|b|rc)[0-9]+)?(\.post[0-9]+)?(\.dev[0-9]+)?' || usage
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "${2:-$root/dist}"
out=$(cd "${2:-$root/dist}" && pwd)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir "$work/tree"
(
    cd "$root"
    for path in *.md LICENSE-* Makefile benchmarks build_ext.py conftest.py constraints.txt deploy dev docs packages pyproject.toml scripts test_servers tests; do
        [ ! -e "$path" ] || printf '%s\n' "$path"
    done | tar -cf - --exclude=__pycache__ --exclude='*.so' --exclude='*_abi.py' -T -
) | tar -xf - -C "$work/tree"
sed -i.before -E "s/^version = \"[^\"]*\"\$/version = \"$version\"/" "$work/tree/pyproject.toml"
grep -qx "version = \"$version\"" "$work/tree/pyproject.toml" || { echo "build.sh: pyproject.toml has no line for the version" >&2; exit 1; }
rm "$work/tree/pyproject.toml.before"

# The backend is called directly: `build` would make an environment of its own for each of the two.
"${PYTHON:-python3}" -m venv "$work/venv"
python="$work/venv/bin/python"
"$python" - "$work/tree/pyproject.toml" > "$work/requires" <<'END'
import sys, tomllib
with open(sys.argv[1], "rb") as file:
    print(*tomllib.load(file)["build-system"]["requires"], sep="\n")
END
"$python" -m pip install -q --disable-pip-version-check -c "$root/constraints.txt" -r "$work/requires"
mkdir "$work/dist" "$work/unpacked"
(cd "$work/tree" && "$python" -m hatchling build -t sdist -d "$work/dist") > "$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
# The wheel is made from the source distribution, so that what is published can be built by whoever gets it.
tar -xzf "$work"/dist/*.tar.gz -C "$work/unpacked"
(cd "$work"/unpacked/* && "$python" -m hatchling build -t wheel -d "$work/dist") > "$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
grep -i warning "$work/log" >&2 || :
for file in "$work/dist"/*; do
    mv "$file" "$out/"
    echo "$out/${file##*/}"
done
