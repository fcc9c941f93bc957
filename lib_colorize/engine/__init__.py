"""The engine without a WebUI: U-Net and VAE, samplers from `k_diffusion`, one call from two pictures to results.

From outside: `engine.Engine.load` and `.colorize`; the trainer takes `networks`, `samplers` and `contact_sheet` too.
No command line and no host in it. Imports `checkpoint/` and below.
"""
