#!/usr/bin/env bash
# The whole test suite: ruff, mypy, pytest, and the panel of the WebUI under the gradio of both hosts. Makes its own
# environments the first time; the tests themselves are offline.
# Arguments go to pytest: bash test.sh tests/test_attach.py -k undone
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
trap '[ $? -eq 0 ] || df -h . "${TMPDIR:-/tmp}" >&2' EXIT  # a full disk fails tests that have nothing to do with it
. tools/environment.sh
environment test
export HF_HUB_OFFLINE=1
failed=0
"$python" -m ruff check . || failed=1
"$python" -m mypy || failed=1
"$python" -m pytest "$@" || failed=$?

panel=(tests/test_webui_script.py tests/test_hosts_routes.py tests/test_touching_up_page.py
       tests/test_hosts_finishing.py tests/test_touch_up.py)  # the last two for the numpy and Pillow of both hosts
case "$*" in
    *test_webui_script*|*test_hosts_routes*|*test_touching_up_page*)
        panel=("$@")
        if [ "$failed" -eq 5 ]; then failed=0; fi ;;  # .venv itself has no gradio: nothing to collect
    *tests/*) exit "$failed" ;;  # others were asked for
esac
main="$python"
if "$main" -c "import sys; sys.exit(sys.version_info >= (3, 13))"; then
    for gradio in gradio3 gradio4; do
        python="$main"
        environment "$gradio"
        echo "The panel under $("$python" -c "import gradio; print('gradio', gradio.__version__)"):"
        "$python" -m pytest -p no:cacheprovider "${panel[@]}" || failed=$?
    done
else
    echo "note: the panel is not tested: both hosts' gradio need Python 3.10 to 3.12" >&2
fi
exit "$failed"
