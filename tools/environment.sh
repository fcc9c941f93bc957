# The project's own Python environments; sourced by demo.sh and test.sh from the repository's root.
#
#     environment demo       .venv: what colouring needs
#     environment test       .venv: and what the tests need
#     environment gradio3    .venv-gradio3, after `environment test`: AUTOMATIC1111's gradio over the packages of .venv
#     environment gradio4    .venv-gradio4: Forge's
#
# sets $python to the environment's interpreter. A complete environment is reused, a broken or half-installed one made
# anew. COLORIZE_PYTHON names the Python to start from, pip's own variables (PIP_...) say where packages come from.

environment() {
    local venv=.venv packages=_main_packages below= stamp
    case "$1" in gradio*) venv=".venv-$1" packages=_gradio_packages below="$python" ;; esac
    stamp="$(cat requirements*.txt constraints.txt tools/environment.sh | cksum)"
    exec 9<tools/environment.sh
    flock 9 2>/dev/null || true  # a second script waits here for the first; without flock it does not
    _find_interpreter
    if [ -z "$python" ] || [ "$(cat "$venv/complete-$1" 2>/dev/null)" != "$stamp" ]; then
        _install "$1" || return 1
        echo "$stamp" >"$venv/complete-$1"
        rm "$venv/incomplete"
        [ "$1" = test ] && cp .venv/complete-test .venv/complete-demo
    fi
    exec 9<&-
}

# Set $python to the interpreter of $venv, or to nothing when there is none that runs.
_find_interpreter() {
    local candidate
    python=
    for candidate in "$venv/bin/python" "$venv/Scripts/python.exe"; do
        [ ! -e "$venv/incomplete" ] && "$candidate" -c "" 2>/dev/null && python="$candidate"
    done
    return 0
}

_install() {
    local base pip option=()
    if [ -z "$python" ]; then
        base="$(_base_python)" || return 1
        rm -rf "$venv"
        mkdir "$venv" && touch "$venv/incomplete"
        "$base" -c "import ensurepip" 2>/dev/null || option=(--without-pip)
        echo "Making the environment $venv with $("$base" --version) ..." >&2
        "$base" -m venv ${option[@]+"${option[@]}"} "$venv" || return 1
        python="$venv/bin/python"
        [ -e "$python" ] || python="$venv/Scripts/python.exe"
    fi
    touch "$venv/incomplete"
    pip=("$python" -m pip)
    "${pip[@]}" --version >/dev/null 2>&1 || pip=("$(_base_python)" -m pip --python "$python")
    if ! "${pip[@]}" --version >/dev/null 2>&1; then
        echo "error: Python has no pip; install it (Debian, Ubuntu: apt install python3-venv)" >&2
        return 1
    fi
    "$packages" "$1" && return
    echo "error: the packages could not be installed; the lines above say why. Run the same command again to retry" >&2
    return 1
}

_main_packages() {
    local requirements=(-r requirements.txt)
    [ "$1" = test ] && requirements+=(-r requirements-test.txt -r requirements-training.txt)
    echo "Installing packages: some GB and some minutes the first time ..." >&2
    _pip -c constraints.txt "${requirements[@]}" && _pip -c constraints.txt --no-deps -r requirements-nodeps.txt || return
    [ "$1" != test ] || _pip -c constraints.txt -r requirements-deepspeed.txt ||
        echo "note: DeepSpeed does not install here; its tests are skipped" >&2
}

# A .pth file shows the packages of .venv to the environment; those of its own go before them.
_gradio_packages() {
    local where='import sysconfig; print(sysconfig.get_path("purelib"))'
    _pip -r "requirements-$1.txt" && "$below" -c "$where" >"$("$python" -c "$where")/below.pth"
}

# pip install without questions, quiet unless somebody watches.
_pip() {
    local quiet=(--quiet)
    [ -t 1 ] && quiet=()
    "${pip[@]}" ${quiet[@]+"${quiet[@]}"} --no-input --disable-pip-version-check install "$@"
}

# Print the Python to start from: that of .venv for what lies over it, else the first one that is new enough.
_base_python() {
    local candidate known=(python3 python python3.11 python3.12 python3.13 python3.10)
    for candidate in ${below:+"$below"} ${COLORIZE_PYTHON:+"$COLORIZE_PYTHON"} "${known[@]}"; do
        if "$candidate" -c "import sys, venv; sys.exit(sys.version_info < (3, 10))" >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    echo "error: no Python 3.10 or newer found; install one, or name it in COLORIZE_PYTHON" >&2
    return 1
}
