"""AdamW as a recipe has it, and what accelerate leaves undone where weights are in shares."""

from __future__ import annotations

from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from lib_colorize.errors import ColorizeError
from training.trainer.networks import Model
from training.trainer.norms import float32_norms
from training.trainer.recipe import Recipe
from training.trainer.run_state import sharded

WHOLE = ("NO", "MULTI_GPU", "MULTI_CPU")  # kinds of distribution that leave every process all weights as they are
HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


def make_optimizer(model: nn.Module, recipe: Recipe, device: torch.device) -> torch.optim.Optimizer:
    """AdamW over what is trained; in torch's fused form on a GPU."""
    o = recipe.optimizer
    trained = [p for p in model.parameters() if p.requires_grad]
    options: dict[str, Any] = {"lr": recipe.stages[0].lr, "betas": tuple(o.betas), "weight_decay": o.weight_decay}
    if o.kind == "adamw":
        try:
            return torch.optim.AdamW(trained, fused=device.type == "cuda" or None, **options)
        except RuntimeError:  # torch 2.1 to 2.3, and weights that a sharded run has on the CPU yet
            return torch.optim.AdamW(trained, **options)
    try:
        import bitsandbytes
    except ImportError:
        raise ColorizeError("optimizer.kind: found 'adamw8bit', which needs bitsandbytes; pip install bitsandbytes, or "
                            "use adamw") from None
    eight_bit: torch.optim.Optimizer = bitsandbytes.optim.AdamW8bit(trained, **options)
    return eight_bit


def prepare_shards(accelerator: Accelerator, recipe: Recipe, model: Model) -> None:
    """What accelerate does for whole weights and leaves undone for sharded ones.

    Both kinds hold half precision weights, which meet float32 inputs: the model casts for itself, and FSDP, which would
    round the step t to bf16 too, casts nothing. DeepSpeed's "auto" values would be read off a DataLoader.
    """
    if accelerator.distributed_type.value in WHOLE:
        return
    model.autocast_dtype = HALF.get(accelerator.mixed_precision)
    if model.autocast_dtype:
        float32_norms(model)
    if sharded(accelerator):
        if not accelerator.is_fsdp2:
            raise ColorizeError("accelerate's configuration: found fsdp_version 1, expected 2, as in "
                                "training/configs/fsdp.yaml")
        from torch.distributed.fsdp import MixedPrecisionPolicy  # of torch 2.6

        accelerator.state.fsdp_plugin.mixed_precision_policy = MixedPrecisionPolicy(
            param_dtype=model.autocast_dtype, reduce_dtype=torch.float32, cast_forward_inputs=False)
        return
    plugin = accelerator.state.deepspeed_plugin
    share = -(-recipe.optimizer.batch_size // accelerator.num_processes)
    plugin.deepspeed_config["train_micro_batch_size_per_gpu"] = recipe.run.micro_batch or share
    plugin.deepspeed_config["gradient_clipping"] = recipe.optimizer.clip
