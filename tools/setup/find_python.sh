#!/usr/bin/env bash
# Print the first interpreter of Python 3.10 to 3.13 that can make a virtual environment.
# $PYTHON, when set, is the only candidate.
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10 python}; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' \
        >/dev/null 2>&1; then
        echo "$candidate"
        exit 0
    fi
done
echo "imbdet: no Python 3.10 to 3.13 with the venv module among: ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10 python}." >&2
echo "imbdet: install one (Debian: apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python3.11 ..." >&2
exit 2
