#!/usr/bin/env bash
# Colour the example sketches, each with two references, and write demo_output/contact_sheet.png.
# Makes its own environment the first time. Options go to `python -m lib_colorize demo` (see --help).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. tools/environment.sh
environment demo
exec "$python" -m lib_colorize demo "$@"
