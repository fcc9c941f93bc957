"""A part for the tests of gpu_check's programme: what becomes of it is said by the environment."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from tools.gpu_check.findings import Finding
from tools.gpu_check.notebook import Notebook

FATE, CHILD = "GPU_CHECK_FATE", "GPU_CHECK_CHILD"


def run(notebook: Notebook) -> None:
    notebook.add(Finding("before", 1.0, "s"))
    if os.environ[FATE] == "crash":
        os._exit(139)
    if os.environ[FATE] == "hang":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        with open(os.environ[CHILD], "w", encoding="utf-8") as file:
            file.write(str(child.pid))
        time.sleep(600)
    if os.environ[FATE] == "raise":
        raise RuntimeError("CUDA error: an illegal memory access was encountered")
    notebook.add(Finding("after", 2.0, "s"))
