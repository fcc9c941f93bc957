"""What v1.5 and v2 have besides v1's networks: LoRA, embedder, transformers, warp and style modules, half U-Nets.

From outside: `Variant`, which holds what a checkpoint has, `features`, which says what it can do, and `showing`, which
makes a job's `MaskedTokens`, style and `BackgroundMaps` of tokens, latents and masks. Tensors and networks alone: files
are read in `checkpoint/`.
"""
