"""The arrows of docs/architecture.md, read off the import statements, and what importing the parts loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OWN = ("lib_colorize", "training", "scripts", "tools", "tests")

BASE = {"lib_colorize"}  # __init__, errors and the like: free of torch, imported by all
METHOD = BASE | {"lib_colorize.method"}
PICTURES = METHOD | {"lib_colorize.pictures"}
FINISHING = PICTURES | {"lib_colorize.finishing"}
CHECKPOINT = METHOD | {"lib_colorize.checkpoint"}
MODELS = CHECKPOINT | {"lib_colorize.models"}
ENGINE = CHECKPOINT | FINISHING | {"lib_colorize.engine"}
HOSTS = MODELS | FINISHING | {"lib_colorize.hosts"}
SHARED = HOSTS | {"lib_colorize.hosts.webui.shared"}
WEBUI = SHARED | {"lib_colorize.hosts.webui.a1111", "lib_colorize.hosts.webui.forge", "lib_colorize.hosts.webui"}
PANEL = HOSTS | {"lib_colorize.panel"}
DATASET = ENGINE | {"training.dataset"}
TRAINER = DATASET | {"training.trainer"}
METRICS = TRAINER | {"training.metrics"}
SMALL = METRICS | {"training.small"}
EVIDENCE = SMALL | {"training.evidence"}
EVERYTHING = WEBUI | PANEL | EVIDENCE | {"lib_colorize.cli", "scripts", "training", "tools", "tests"}

MAY_IMPORT = {  # room -> the rooms that its files may import, itself among them; type-only imports count
    "lib_colorize": BASE,
    "lib_colorize.method": METHOD,
    "lib_colorize.pictures": PICTURES,
    "lib_colorize.checkpoint": CHECKPOINT,
    "lib_colorize.models": MODELS,
    "lib_colorize.engine": ENGINE,
    "lib_colorize.finishing": FINISHING,
    "lib_colorize.cli": ENGINE | {"lib_colorize.cli"},
    "lib_colorize.hosts": HOSTS,
    "lib_colorize.hosts.webui.shared": SHARED,
    "lib_colorize.hosts.webui.a1111": SHARED | {"lib_colorize.hosts.webui.a1111"},
    "lib_colorize.hosts.webui.forge": SHARED | {"lib_colorize.hosts.webui.forge"},
    "lib_colorize.hosts.webui": WEBUI,
    "lib_colorize.panel": PANEL,
    "scripts": PANEL | WEBUI,
    "training.dataset": DATASET,
    "training.trainer": TRAINER,
    "training.metrics": METRICS,
    "training.small": SMALL,
    "training.evidence": EVIDENCE,
    "training": EVIDENCE | {"training"},
    "tools": EVERYTHING,
    "tests": EVERYTHING,
}
EXCEPTIONS = {("lib_colorize.__main__", "lib_colorize.cli.commands")}  # python -m lib_colorize

A_HOST = {"modules", "backend", "huggingface_guess", "sgm"}
MAY_IMPORT_PACKAGE = {  # packages that belong to somebody else's program, or stay behind one door -> who may
    "modules": {"lib_colorize.hosts.webui", "lib_colorize.hosts.webui.shared", "lib_colorize.hosts.webui.a1111",
                "lib_colorize.hosts.webui.forge", "scripts"},
    "backend": {"lib_colorize.hosts.webui.forge"},
    "huggingface_guess": {"lib_colorize.hosts.webui.forge"},
    "sgm": set(),
    "gradio": {"lib_colorize.panel", "scripts"},
    "ldm": {"lib_colorize.engine"},
    "k_diffusion": {"lib_colorize.engine"},
}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


SOURCES = {module_name(path): path for folder in OWN for path in sorted((ROOT / folder).rglob("*.py"))
           if "node_modules" not in path.parts}
PRODUCT = [module for module in SOURCES if not module.startswith("tests")]


def room(module: str) -> str:
    """The room a file lies in: the longest known folder above it."""
    return max((name for name in MAY_IMPORT if module == name or module.startswith(name + ".")), key=len)


def imports(module: str) -> set[str]:
    """Full names that a file imports, wherever in it, also for types alone; `from . import x` as the file x."""
    path, found = SOURCES[module], set()
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            base = ".".join(part for part in (base, node.module) if part)
            submodules = {f"{base}.{alias.name}" for alias in node.names} & set(SOURCES)
            others = {alias.name for alias in node.names if f"{base}.{alias.name}" not in SOURCES}
            found |= submodules | ({base} if others else set())
    return found


def own_imports(module: str) -> set[str]:
    return {name for name in imports(module) if name.split(".")[0] in OWN}


@pytest.mark.parametrize("module", PRODUCT)
def test_arrows_run_one_way(module):
    wrong = {name for name in own_imports(module)
             if room(name) not in MAY_IMPORT[room(module)] and (module, name) not in EXCEPTIONS}
    assert wrong == set()


@pytest.mark.parametrize("module", PRODUCT)
def test_a_host_is_imported_by_its_adapters_alone_and_each_borrowed_package_behind_one_door(module):
    found = {name.split(".")[0] for name in imports(module)}
    wrong = {package for package, rooms in MAY_IMPORT_PACKAGE.items() if package in found and room(module) not in rooms}
    assert module.startswith("tools") or wrong == set()


def leaves_nothing(graph: dict[str, set[str]]) -> list[str]:
    """What is left of a graph when all that needs nothing else has been taken away, again and again."""
    while graph:
        leaves = {name for name, needs in graph.items() if not needs & set(graph)}
        if not leaves:
            return sorted(graph)
        graph = {name: needs for name, needs in graph.items() if name not in leaves}
    return []


def test_no_file_imports_itself_by_way_of_others():
    assert leaves_nothing({module: own_imports(module) - {module} for module in PRODUCT}) == []


def test_no_room_imports_itself_by_way_of_others():
    graph: dict[str, set[str]] = {}
    for module in PRODUCT:
        if module != "lib_colorize.__main__":
            graph.setdefault(room(module), set()).update(room(name) for name in own_imports(module))
    assert leaves_nothing({name: needs - {name} for name, needs in graph.items()}) == []


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_a_room_says_what_lives_there(name):
    first = ROOT / name.replace(".", "/") / "__init__.py"
    if name not in ("scripts", "tools", "tests"):
        assert len(ast.get_docstring(ast.parse(first.read_text(encoding="utf-8"))) or "") > 60


@pytest.mark.parametrize("path", sorted((ROOT / "training").glob("*.py")), ids=lambda path: path.name)
def test_a_file_at_the_top_of_training_is_a_command_and_nothing_else(path):
    defined = [node for node in ast.parse(path.read_text(encoding="utf-8")).body
               if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    assert defined == []


COMMANDS = {"main", "parser", "run", "add_arguments"}  # the doors that every command has
ADAPTERS = {"noted", "on_model_loaded"}  # of both WebUIs, each in its own words


def test_no_top_level_name_stands_for_two_things():
    places: dict[str, set[str]] = {}
    for module in PRODUCT:
        for node in ast.parse(SOURCES[module].read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                places.setdefault(node.name, set()).add(module)
    twice = {name: sorted(where) for name, where in places.items() if len(where) > 1}
    assert {name: where for name, where in twice.items() if name not in COMMANDS | ADAPTERS} == {}


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_importing_the_package_is_light():
    code = ("import sys, time; start = time.process_time(); import lib_colorize; "
            "print(time.process_time() - start, 'torch' in sys.modules)")
    seconds, torch_loaded = python(code).split()
    assert float(seconds) < 0.1 and torch_loaded == "False"


def test_importing_the_method_the_checkpoints_and_the_jobs_loads_no_host():
    rooms = ("lib_colorize.method", "lib_colorize.checkpoint", "lib_colorize.models", "lib_colorize.hosts")
    names = ", ".join(module for module in SOURCES if room(module) in rooms)
    loaded = python(f"import sys, {names}; print(*{{name.split('.')[0] for name in sys.modules}})").split()
    assert "torch" in loaded
    assert set(loaded) & (A_HOST | {"ldm", "k_diffusion", "gradio", "open_clip"}) == set()
