#!/usr/bin/env bash
# The whole test suite: ruff, mypy, pytest. Makes its own environment the first time; the tests themselves are offline.
# Arguments go to pytest: bash test.sh tests/test_attach.py -k undone
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. tools/environment.sh
environment test
export HF_HUB_OFFLINE=1
failed=0
"$python" -m ruff check . || failed=1
"$python" -m mypy || failed=1
"$python" -m pytest "$@" || failed=$?
exit "$failed"
