"""The arrows of docs/architecture.md, read off the import statements, and what importing the core loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OWN = ("lib_colorize", "training", "scripts", "tests")
HOST_ONLY = {"ldm", "sgm", "k_diffusion", "gradio", "modules", "backend"}

RANKS = {  # a file imports its own rank or below; without an entry: by folder
    "lib_colorize": 0, "lib_colorize.errors": 0, "lib_colorize.settings": 1,
    "lib_colorize.images": 2, "lib_colorize.lineart": 2, "lib_colorize.overlay": 2, "lib_colorize.sketch_encoder": 2,
    "lib_colorize.reference_encoder": 2, "lib_colorize.attention": 2, "lib_colorize.guidance": 2,
    "lib_colorize.schedule": 2, "lib_colorize.framing": 3, "lib_colorize.conditioning": 3, "lib_colorize.attach": 3,
    "lib_colorize.model_catalogue": 3, "lib_colorize.model_files": 3, "lib_colorize.model_status": 3,
    "lib_colorize.model_import": 3, "lib_colorize.placing": 3, "lib_colorize.part_file": 3,
    "lib_colorize.http_transfer": 3, "lib_colorize.download": 3, "lib_colorize.presets": 2,
    "lib_colorize.translations": 1, "lib_colorize.models_panel": 3,
}
FOLDER_RANKS = {
    "lib_colorize.checkpoint": 2, "lib_colorize.hosts": 4, "scripts": 5, "lib_colorize.standalone": 5,
    "training": 5, "lib_colorize.__main__": 6, "tests": 9,
}
# nobody imports scripts, standalone, training, tests from outside, but the command line, and:
ALLOWED = {
    ("training", "lib_colorize.standalone.networks"),  # the trainer builds the same networks from the same sizes
    ("training", "lib_colorize.standalone.samplers"),  # and samples it for the grids of a run
    ("training", "lib_colorize.standalone.engine"),  # its pictures are the engine's
    ("training", "lib_colorize.standalone.contact_sheet"),  # and its sheets are laid out as the demo's
}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


SOURCES = {module_name(path): path for folder in OWN for path in sorted((ROOT / folder).rglob("*.py"))
           if "node_modules" not in path.parts}


def rank(module: str) -> int | None:
    if module in RANKS:
        return RANKS[module]
    return next((r for folder, r in FOLDER_RANKS.items() if inside(module, folder)), None)


def imports(module: str) -> set[str]:
    """Full names that a file imports, wherever in it; `from . import x` as the submodule x where there is one."""
    path, found = SOURCES[module], set()
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            base = ".".join(part for part in (base, node.module) if part)
            submodules = {f"{base}.{alias.name}" for alias in node.names} & set(SOURCES)
            found |= submodules or {base}
    return found


def inside(module: str, folder: str) -> bool:
    return module == folder or module.startswith(folder + ".")


def core() -> list[str]:
    return [m for m in SOURCES if m.startswith("lib_colorize") and rank(m) is not None and rank(m) <= 3]


def test_every_file_has_a_place():
    assert [m for m in SOURCES if rank(m) is None] == []


@pytest.mark.parametrize("module", [m for m in SOURCES if not m.startswith("tests")])
def test_arrows_run_one_way(module):
    own = {name for name in imports(module) if name.split(".")[0] in OWN}
    assert {name for name in own if (rank(name) or 0) > rank(module)} == set()
    for name in own:
        for folder in ("scripts", "lib_colorize.standalone", "training", "tests"):
            if inside(name, folder) and not inside(module, folder) and module != "lib_colorize.__main__":
                assert (module.split(".")[0], name) in ALLOWED


@pytest.mark.parametrize("module", core())
def test_the_core_never_imports_a_host_or_ldm(module):
    assert {name.split(".")[0] for name in imports(module)} & HOST_ONLY == set()


HOST_FILES = {"a1111", "a1111_loading", "forge", "forge_loading", "webui", "hooks", "axes"}  # of lib_colorize.hosts
PER_HOST = {"modules": HOST_FILES, "backend": {"forge", "forge_loading"}, "huggingface_guess": {"forge_loading"}}


@pytest.mark.parametrize("module", [m for m in SOURCES if inside(m, "lib_colorize") or inside(m, "training")])
def test_a_host_is_imported_by_its_adapters_alone_and_gradio_by_nobody_but_the_script(module):
    name = module.removeprefix("lib_colorize.hosts.") if inside(module, "lib_colorize.hosts") else None
    found = {imported.split(".")[0] for imported in imports(module)}
    assert "gradio" not in found
    for package, files in PER_HOST.items():
        assert package not in found or name in files


def test_the_core_has_no_circle():
    graph = {module: imports(module) & set(core()) - {module} for module in core()}
    while graph:
        leaves = {module for module, needs in graph.items() if not needs & set(graph)}
        assert leaves, f"each of these needs another of them: {sorted(graph)}"
        graph = {module: needs for module, needs in graph.items() if module not in leaves}


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_importing_the_package_is_light():
    code = ("import sys, time; start = time.process_time(); import lib_colorize; "
            "print(time.process_time() - start, 'torch' in sys.modules)")
    seconds, torch_loaded = python(code).split()
    assert float(seconds) < 0.1 and torch_loaded == "False"


def test_importing_the_core_loads_no_host():
    names = ", ".join(core())
    loaded = python(f"import sys, {names}; print(*{{name.split('.')[0] for name in sys.modules}})").split()
    assert "torch" in loaded
    assert set(loaded) & (HOST_ONLY | {"open_clip"}) == set()
