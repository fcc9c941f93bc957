"""A real WebUI, started headless with a folder of its own for everything it writes, and spoken to over HTTP.

The install is named by two environment variables and never written to:

    COLORIZE_A1111_DIR, COLORIZE_A1111_PYTHON    the folder with launch.py, and the Python that runs it
    COLORIZE_FORGE_DIR, COLORIZE_FORGE_PYTHON

COLORIZE_WEBUI_LOGS names a folder in which the hosts' logs are kept, COLORIZE_EXTENSIONS_DIR one with extensions of
others, which a test links by name (`Host.start(beside=...)`). COLORIZE_LIVE_DEVICE=cuda: on the graphics card.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.webui.data_folder import environment, fill, keep_log, link_extensions, live_device
from tests.webui.reply import Reply

KINDS = ("a1111", "forge")
READY = "Startup time:"  # before this line the API answers without the scripts' defaults
BOOT_SECONDS, CALL_SECONDS = 300, 600
FLAGS = {
    "a1111": ("--skip-install", "--no-download-sd-model", "--do-not-download-clip"), "forge": ("--attention-pytorch",)}
DEVICE_FLAGS: dict[str, dict[str, tuple[str, ...]]] = {
    # in full precision, as the pictures are compared with the engine's on the CPU
    "cpu": {"a1111": ("--use-cpu", "all", "--no-half"), "forge": ("--always-cpu",)},
    "cuda": {"a1111": ("--no-half",), "forge": ("--all-in-fp32",)},
    "cuda, half": {"a1111": (), "forge": ()},  # as users have it
}
COMMON_FLAGS = ("--skip-prepare-environment", "--skip-torch-cuda-test", "--skip-python-version-check",
                "--skip-version-check", "--disable-console-progressbars")


class HostError(Exception):
    """The host does not start, has died, or does not answer; with the end of its log."""


def install_of(kind: str) -> tuple[Path, Path] | None:
    """Folder and Python of an install, or None when the environment names none."""
    values = [os.environ.get(f"COLORIZE_{kind.upper()}_{name}") for name in ("DIR", "PYTHON")]
    if not all(values):
        return None
    return Path(values[0] or ""), Path(values[1] or "")


class Host:
    """One running WebUI; `with Host.start(...) as host`."""

    def __init__(self, kind: str, folder: Path, process: subprocess.Popen[bytes], port: int) -> None:
        self.kind, self.folder, self.process, self.port = kind, folder, process, port
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "log.txt"
        self.boot_seconds = 0.0

    @classmethod
    @contextlib.contextmanager
    def start(
        cls, kind: str, extension: bool = True, files: Iterable[Path] | Mapping[str, Path] = (),
        options: dict[str, Any] | None = None, flags: Iterable[str] = (), probe: bool = True,
        beside: Iterable[str] = (), api: bool = True, device: str | None = None,
    ) -> Iterator[Host]:
        """A fresh host; everything it wrote and every process of it are gone afterwards.

        files: checkpoints, or what `checkpoints.write_all` gives, linked into models/; extension: False = a WebUI
        without ours; probe: with the small extension of that folder, which counts hooks and injects faults; beside:
        names of folders in COLORIZE_EXTENSIONS_DIR; api: False = without --api; device: of DEVICE_FLAGS, None = the
        environment's.
        """
        found = install_of(kind)
        if found is None:
            raise HostError(f"no install named: set COLORIZE_{kind.upper()}_DIR and COLORIZE_{kind.upper()}_PYTHON")
        folder = Path(tempfile.mkdtemp(prefix=f"webui-{kind}-"))
        try:
            fill(folder, extension, probe, files, options or {})
            link_extensions(folder, beside)
            port = _free_port()
            command = [str(found[1]), "launch.py", "--data-dir", str(folder), "--port", str(port), *COMMON_FLAGS,
                       *FLAGS[kind], *DEVICE_FLAGS[device or live_device()][kind], *(["--api"] if api else []), *flags]
            with (folder / "log.txt").open("wb") as log:
                process = subprocess.Popen(command, cwd=found[0], stdout=log, stderr=subprocess.STDOUT,
                                           stdin=subprocess.DEVNULL, env=environment(), start_new_session=True,
                                           preexec_fn=_die_with_parent)
            host = cls(kind, folder, process, port)
            try:
                host._wait_until_ready()
                yield host
            finally:
                host._kill()
        finally:
            keep_log(folder, kind)
            shutil.rmtree(folder, ignore_errors=True)

    # HTTP

    def get(self, route: str, seconds: float = CALL_SECONDS, **query: Any) -> Reply:
        """GET; an HTTP error is a Reply too."""
        return self._call(route + ("?" + urllib.parse.urlencode(query) if query else ""), None, seconds)

    def post(self, route: str, body: dict[str, Any] | None = None, seconds: float = CALL_SECONDS) -> Reply:
        """POST of JSON; an HTTP error is a Reply too."""
        return self._call(route, json.dumps(body or {}).encode(), seconds)

    def _call(self, route: str, body: bytes | None, seconds: float) -> Reply:
        """A connection of its own each time: after a status 500 a host closes a kept one."""
        headers = {"Content-Type": "application/json", "Connection": "close"}
        request = urllib.request.Request(self.url + route, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                return Reply.of(answer.status, answer.read())
        except urllib.error.HTTPError as error:
            return Reply.of(error.code, error.read())
        except (OSError, urllib.error.URLError) as error:
            raise HostError(f"{self.kind} does not answer {route}: {error}\n{self.log_tail()}") from error

    def txt2img(self, **fields: Any) -> Reply:
        return self.post("/sdapi/v1/txt2img", fields)

    def img2img(self, **fields: Any) -> Reply:
        return self.post("/sdapi/v1/img2img", fields)

    def options(self, **changes: Any) -> Reply:
        """Set options, or read all."""
        return self.post("/sdapi/v1/options", changes) if changes else self.get("/sdapi/v1/options")

    def interrupt(self) -> Reply:
        return self.post("/sdapi/v1/interrupt")

    def skip(self) -> Reply:
        return self.post("/sdapi/v1/skip")

    def progress(self) -> Reply:
        return self.get("/sdapi/v1/progress", skip_current_image="true")

    def png_info(self, image: str) -> Reply:
        return self.post("/sdapi/v1/png-info", {"image": image})

    def script_info(self) -> Reply:
        return self.get("/sdapi/v1/script-info")

    def checkpoints(self) -> list[str]:
        """Names of the checkpoints on offer."""
        return [entry["model_name"] for entry in self.get("/sdapi/v1/sd-models").body]

    # the process

    def rss(self) -> int:
        """Bytes in memory now."""
        return self._status("VmRSS")

    def peak_rss(self) -> int:
        """The most bytes in memory so far."""
        return self._status("VmHWM")

    def _status(self, field: str) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))

    def log_tail(self, lines: int = 60) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _wait_until_ready(self) -> None:
        """Until it says so and listens: with --nowebui AUTOMATIC1111 says so first."""
        start = time.monotonic()
        while READY not in self.log.read_text(errors="replace") or not self._listens():
            if self.process.poll() is not None:
                raise HostError(f"{self.kind} ended with status {self.process.returncode}:\n{self.log_tail()}")
            if time.monotonic() - start > BOOT_SECONDS:
                raise HostError(f"{self.kind} is not ready after {BOOT_SECONDS} s:\n{self.log_tail()}")
            time.sleep(0.2)
        self.boot_seconds = time.monotonic() - start

    def _listens(self) -> bool:
        with socket.socket() as connection:
            return connection.connect_ex(("127.0.0.1", self.port)) == 0

    def _kill(self) -> None:
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
                return


def _die_with_parent() -> None:
    """A host does not outlive tests that are killed; on Linux, elsewhere it may."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
