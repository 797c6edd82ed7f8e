#!/bin/sh
# Makes .venv and installs exactly what a lock names: `tools/venv.sh runtime` or `tools/venv.sh dev`.
# A second run with the same lock does nothing: the stamp holds the checksum of what was installed.
set -eu
cd "$(dirname "$0")/.."
want=${1:-runtime}
venv=.venv

case $want in
    runtime) lock=requirements.lock ;;
    dev) lock=requirements-dev.lock ;;
    *) echo "usage: tools/venv.sh runtime|dev" >&2; exit 2 ;;
esac

# The folder's own path is part of the sum: a checkout that was moved has an environment that points elsewhere.
sum_of() { { pwd; cat "$1" pyproject.toml; } | cksum; }
stamped() { [ -f "$venv/.$1" ] && [ "$(cat "$venv/.$1")" = "$(sum_of "$2")" ]; }

# What is installed for developers holds all that runs.
if stamped "$want" "$lock" || { [ "$want" = runtime ] && stamped dev requirements-dev.lock; }; then
    exit 0
fi

new_enough='import sys; sys.exit(sys.version_info < (3, 11))'
python=
for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if "$name" -c "$new_enough" >/dev/null 2>&1; then python=$name; break; fi
done
if [ -z "$python" ]; then
    echo "Entrepot needs Python 3.11 or newer, and none was found (name one with PYTHON=/path/to/python3)." >&2
    echo "On Debian and Ubuntu:  apt install python3 python3-venv" >&2
    exit 1
fi

if ! "$venv/bin/python" -c "$new_enough; import pip" >/dev/null 2>&1 || ! grep -qF "$(pwd)/$venv" "$venv/pyvenv.cfg"; then
    # Debian splits ensurepip from Python; without it `-m venv` leaves a half-made folder behind.
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        echo "This Python ($python) cannot make virtual environments: its venv module is not installed." >&2
        echo "On Debian and Ubuntu:  apt install python3-venv" >&2
        exit 1
    fi
    echo "making $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv"
fi

echo "installing $lock (first time: about a minute, mostly downloads)"
rm -f "$venv/.runtime" "$venv/.dev"
pip="$venv/bin/python -m pip --quiet --disable-pip-version-check"
$pip install --require-hashes -r "$lock"
# The build back end is in the lock too; with build isolation pip would fetch an unpinned one.
$pip install --no-deps --no-build-isolation -e .
sum_of "$lock" > "$venv/.$want"
