"""Run train.py with accelerate's GPU-only kinds of distribution on the CPU: `python training_on_cpu.py ARGUMENTS`.

accelerate offers DeepSpeed and FSDP where there is an accelerator and falls back to DDP elsewhere. Both libraries work
over gloo too; so accelerate's state is made here, as it would be on a GPU but for the back end, before the program
starts. Nothing of the program or of the libraries is replaced.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)


def main() -> None:
    import torch
    from accelerate.state import PartialState
    from accelerate.utils import DistributedType

    from training.trainer import run as train

    PartialState(backend="gloo")
    PartialState._shared_state["device"] = torch.device("cpu")
    if os.environ.get("ACCELERATE_USE_FSDP") == "true":
        PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU
    train.main()


if __name__ == "__main__":
    main()
