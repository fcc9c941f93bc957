"""What a WebUI runs or serves beside the script: install.py, preload.py, the JavaScript, the style sheet."""

from __future__ import annotations

import argparse
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
JAVASCRIPT = ROOT / "javascript" / "colorize_diffusion.js"


def run_install(*flags):
    command = [sys.executable, *flags, str(ROOT / "install.py")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_install_says_nothing_where_nothing_is_missing():
    done = run_install()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_install_names_what_is_missing_in_one_line_and_does_not_fail_the_host():
    done = run_install("-I", "-S")  # a Python without packages
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.count("\n") == 1 and "has no torch, numpy, PIL, safetensors, open_clip" in done.stdout


def test_preload_adds_the_models_folder_and_loads_nothing_heavy():
    parser = argparse.ArgumentParser()
    runpy.run_path(str(ROOT / "preload.py"))["preload"](parser)
    assert parser.parse_args([]).colorize_models_dir is None
    assert parser.parse_args(["--colorize-models-dir", "/x"]).colorize_models_dir == "/x"
    code = f"import runpy, sys; runpy.run_path({str(ROOT / 'preload.py')!r}); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_there_is_one_script():
    assert [path.name for path in (ROOT / "scripts").glob("*.py")] == ["colorize_diffusion.py"]


@pytest.mark.skipif(shutil.which("node") is None, reason="no node")
def test_the_javascript_parses_and_leaves_its_namespace_and_what_the_panel_calls_as_globals_only():
    code = f"""
        globalThis.window = globalThis;
        globalThis.document = {{addEventListener() {{}}}};
        globalThis.onUiLoaded = () => {{}};
        const before = Object.keys(globalThis);
        for (const file of {sorted(str(path) for path in JAVASCRIPT.parent.glob("*.js"))!r}) require(file);
        console.log(Object.keys(globalThis).filter(name => !before.includes(name)).join());
    """
    done = subprocess.run(["node", "-e", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.strip().split(",")) == {"colorizeDiffusion", "colorizeDiffusionByHand"}


def test_the_style_touches_our_own_classes_only():
    rules = re.sub(r"/\*.*?\*/|{[^}]*}", "", (ROOT / "style.css").read_text(), flags=re.S)
    selectors = [selector.strip() for selector in re.split(r"[,\n]", rules) if selector.strip()]
    assert selectors and all(selector.startswith(".colorize-") for selector in selectors)
