"""Lets the ControlNet extension of A1111 load a ControlNet of the shipped model's sizes.

It reads two numbers off the file and takes the others from a table for SD 1.5, which is changed here in memory.
"""

from __future__ import annotations

import sys

from modules import script_callbacks

SIZES = {"model_channels": 64, "channel_mult": [1, 1, 1, 2], "num_res_blocks": 2, "attention_resolutions": [4, 2, 1],
         "num_heads": -1, "num_head_channels": 64}  # heads as Forge takes them for granted


def change() -> None:
    guess = sys.modules.get("scripts.controlnet_model_guess")
    if guess is not None:
        guess.controlnet_default_config.update(SIZES)


script_callbacks.on_before_ui(change)
