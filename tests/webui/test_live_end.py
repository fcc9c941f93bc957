"""A host that is ended by Ctrl+C, in the middle of its life, leaves nothing of ours that grows."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_ctrl_c_leaves_one_folder_that_is_used_again(
    kind: str, files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tests.webui.host import Host
    from tests.webui.jobs import SMALL, body

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    request = body() | {"override_settings": {"sd_model_checkpoint": SMALL}}
    left = []
    for _ in range(2):
        with Host.start(kind, files=[files["plain"]]) as host:
            reply = host.img2img(**request)
            assert reply.status == 200, reply.message
            host.process.send_signal(signal.SIGINT)
            host.process.wait(60)
        left.append(sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")
                           if path.is_file() and "colorize" in str(path.relative_to(tmp_path))))
    assert left[0] == left[1] and 1 <= len(left[0]) <= 4, left
    assert len({path.split("/")[0] for path in left[0]}) == 1
