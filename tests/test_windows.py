"""Windows, which most users of the hosts have and these tests do not run on: what can be told by reading the code."""

from __future__ import annotations

import ast
import mmap
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.windows import refused_name

ROOT = Path(__file__).parent.parent
SOURCES = [*(path for room in ("lib_colorize", "training", "scripts", "tools") for path in (ROOT / room).rglob("*.py")
             if "node_modules" not in path.parts), ROOT / "install.py", ROOT / "preload.py"]
FOREIGN_OPEN = {"Image", "os", "tarfile", "webbrowser"}  # .open() of these takes no encoding
POSIX = {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "posix", "syslog", "readline", "curses"}
POSIX_ONLY = {
    "os": {"fork", "forkpty", "getuid", "geteuid", "getgid", "getegid", "mkfifo", "setsid", "killpg", "getpgid", "nice",
           "statvfs", "sched_getaffinity", "sched_setaffinity", "uname", "symlink", "chown", "fchmod", "fchown",
           "O_DIRECTORY", "O_NOFOLLOW", "O_CLOEXEC", "wait3", "WNOHANG"},
    "signal": {"SIGKILL", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGCHLD", "SIGSTOP", "SIGCONT",
               "SIGPIPE", "alarm", "pause", "setitimer", "pthread_kill", "sigwait"},
    "time": {"tzset"},
}
Found = Iterator[tuple[int, str]]


def text_without_encoding(tree: ast.Module) -> Found:
    """Text files are read in the console's code page there: cp1252, cp932, ..."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        options = {keyword.arg: keyword.value for keyword in call.keywords}
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        owner = getattr(call.func.value, "id", "") if isinstance(call.func, ast.Attribute) else ""
        if "encoding" in options or None in options:
            continue
        if name in ("read_text", "write_text") and len(call.args) < (1 if name == "read_text" else 2):
            yield call.lineno, f"{name} without an encoding"
        elif name == "open" and owner not in FOREIGN_OPEN and "timeout" not in options:  # timeout: of a URL
            modes = [*call.args[:2], options.get("mode")]
            given = {node.value for node in modes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
            if not any(re.fullmatch(r"[rwxa+]*b[rwxa+]*", mode) for mode in given):
                yield call.lineno, "open without an encoding"
        elif isinstance(options.get("text"), ast.Constant) or "universal_newlines" in options:
            yield call.lineno, "a program's output as text without an encoding"


def posix_imports(tree: ast.Module) -> Found:
    """Inside `try ... except ImportError`, or where the system is asked for, they may stand."""
    guarded = {id(inner) for node in ast.walk(tree)
               if (isinstance(node, ast.Try) and "ImportError" in [getattr(h.type, "id", "") for h in node.handlers])
               or (isinstance(node, ast.If) and re.search(r"os\.name|sys\.platform", ast.unparse(node.test)))
               for inner in ast.walk(node)}
    for node in ast.walk(tree):
        names = ([alias.name for alias in node.names] if isinstance(node, ast.Import)
                 else [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else [])
        for name in names:
            if name.partition(".")[0] in POSIX and id(node) not in guarded:
                yield node.lineno, f"imports {name}"


def posix_names(tree: ast.Module) -> Found:
    """getattr(os, name, ...) is how to ask for one that may be missing."""
    for node in ast.walk(tree):
        if (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
                and node.attr in POSIX_ONLY.get(node.value.id, ())):
            yield node.lineno, f"{node.value.id}.{node.attr}"


def other_habits(tree: ast.Module) -> Found:
    """A rename over a file (replace does it everywhere), forked workers, hard-coded folders, dates without padding."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            first = node.args[0] if node.args else None
            word = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
            if node.func.attr in ("rename", "renames", "symlink_to"):
                yield node.lineno, f".{node.func.attr}()"
            elif node.func.attr in ("get_context", "set_start_method") and word != "spawn":
                yield node.lineno, f"{node.func.attr}({word!r})"
            elif node.func.attr == "strftime" and re.search("%-|%[esPRTD]", ast.unparse(node)):
                yield node.lineno, "strftime with what only glibc knows"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.match(
                "/(tmp|dev|proc|bin|usr|etc|var)/", node.value):
            yield node.lineno, node.value


RULES: dict[Callable[[ast.Module], Found], tuple[str, ...]] = {  # with code that each must find
    text_without_encoding: ("open(name)", "path.open()", "open(name, 'a')", "path.read_text()", "path.write_text(text)",
                            "path.open('w', newline='')", "subprocess.run(command, text=True)"),
    posix_imports: ("import fcntl", "from resource import getrusage", "def f():\n import pwd"),
    posix_names: ("os.fork()", "signal.signal(signal.SIGKILL, f)", "os.open(folder, os.O_DIRECTORY)"),
    other_habits: ("path.rename(other)", "multiprocessing.get_context('fork')", "time.strftime('%-d.%m.')",
                   "path.symlink_to(other)", "open('/tmp/x', 'rb')"),
}
FINE = """
open(name, 'rb'), open(name, encoding='utf-8'), path.open('rb+'), path.open(mode='wb'), Image.open(name)
path.read_text(encoding='utf-8'), path.write_text(text, encoding='utf-8'), path.replace(other), path.read_text('utf-8')
subprocess.run(command, text=True, encoding='utf-8'), opener.open(request, timeout=1), getattr(os, 'O_BINARY', 0)
time.strftime('%Y-%m-%d'), multiprocessing.get_context('spawn'), os.replace(a, b), signal.signal(signal.SIGTERM, f)
try:
    import fcntl
except ImportError:
    pass
"""


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_rule_finds_what_it_is_there_for_and_nothing_else(rule: Callable[[ast.Module], Found]) -> None:
    assert [code for code in RULES[rule] if not list(rule(ast.parse(code)))] == []
    assert list(rule(ast.parse(FINE))) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_no_file_does_what_windows_cannot(rule: Callable[[ast.Module], Found]) -> None:
    found = [f"{path.relative_to(ROOT)}:{line}: {what}" for path in SOURCES
             for line, what in rule(ast.parse(path.read_text(encoding="utf-8")))]
    assert found == []


def test_every_command_prints_what_its_console_cannot_show() -> None:
    silent = []
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        door = text.partition('\nif __name__ == "__main__"')[2]
        if door and path.name not in ("__main__.py", "install.py") and "\n    take_any_text()\n" not in door:
            silent.append(path.name)  # the two have tests of their own
    assert silent == []


def test_the_installer_names_a_python_that_its_console_cannot_show() -> None:
    code = ("import importlib.util, runpy, sys; sys.executable = 'C:/\u3042/python.exe'; "
            "importlib.util.find_spec = lambda name: None; runpy.run_path('install.py', run_name='__main__')")
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False,
                         env={**os.environ, "PYTHONIOENCODING": "cp1252"})
    assert run.returncode == 0 and rb"C:/\u3042/python.exe has no torch" in run.stdout, run.stderr


def test_every_file_of_the_project_can_lie_on_a_windows_disk() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, encoding="utf-8",
                            check=False).stdout.split("\0")[:-1]
    if not listed:
        pytest.skip("not a clone")
    assert [why for path in listed for part in Path(path).parts if (why := refused_name(part))] == []
    assert len({path.lower() for path in listed}) == len(listed)
    assert [path for path in listed if len(path) > 120] == []


@pytest.mark.parametrize("name", ("a:b.png", "con", "NUL.txt", "com1.png", "what?.png", "end.", "x" * 101, "a\nb"))
def test_a_name_that_windows_refuses_is_told(name: str) -> None:
    assert refused_name(name) and not refused_name("console-1.png")


# demo.bat beside demo.sh ---------------------------------------------------------------------------------------------


def batch() -> str:
    return (ROOT / "demo.bat").read_bytes().decode("ascii")


def test_the_scripts_have_the_line_ends_of_their_readers() -> None:
    assert batch().count("\n") == batch().count("\r\n") > 0
    for script in (*ROOT.glob("*.sh"), *ROOT.glob("tools/*.sh"), *ROOT.glob(".ci/*")):
        assert b"\r" not in script.read_bytes(), script
    assert "*.bat text eol=crlf" in (ROOT / ".gitattributes").read_text(encoding="utf-8").splitlines()


def test_both_demos_install_the_same_and_start_the_same() -> None:
    shell = (ROOT / "demo.sh").read_text(encoding="utf-8") + (ROOT / "tools/environment.sh").read_text(encoding="utf-8")
    pip = re.findall(r"^(?:_|%)pip%? (.*?) (?:\|\||&&)", batch(), re.M)
    assert pip == ["-c constraints.txt -r requirements.txt", "-c constraints.txt --no-deps -r requirements-nodeps.txt"]
    assert "requirements=(-r requirements.txt)" in shell and f"_pip {pip[1]}" in shell
    assert '_pip -c constraints.txt "${requirements[@]}"' in shell
    for step in ("-m lib_colorize demo", "-m venv", "import sys, venv; sys.exit(sys.version_info < (3, 10))",
                 "COLORIZE_PYTHON", "--no-input --disable-pip-version-check install",
                 "Installing packages: some GB and some minutes the first time ...",
                 "the packages could not be installed; the lines above say why. Run the same command again to retry"):
        assert step in shell and step in batch(), step


def test_the_batch_file_jumps_to_labels_that_it_has_and_names_files_that_are_there() -> None:
    labels = set(re.findall(r"^:(\w+)", batch(), re.M))
    assert set(re.findall(r"(?:call|goto) :(\w+)", batch())) == labels
    assert all((ROOT / name).is_file() for name in re.findall(r"[\w-]+\.txt", batch())
               if name not in ("wanted.txt", "installed.txt"))


# what tests/conftest.py checks in every test -------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells what a process holds")
@pytest.mark.parametrize("how", ("open", "mapped"))
def test_a_file_in_use_cannot_be_replaced_or_renamed_in_any_test(tmp_path: Path, how: str) -> None:
    used, other = tmp_path / "used", tmp_path / "other"
    used.write_bytes(b"x" * 4096)
    other.write_bytes(b"y")
    with used.open("rb") as stream:
        mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) if how == "mapped" else None
        if mapped is not None:
            stream.close()
        for act in (lambda: os.replace(other, used), lambda: used.replace(tmp_path / "new")):
            with pytest.raises(AssertionError, match="is open or mapped"):
                act()
        if mapped is not None:
            mapped.close()
    os.replace(other, used)
    with pytest.raises(AssertionError, match="device"):
        used.replace(tmp_path / "con.txt")
