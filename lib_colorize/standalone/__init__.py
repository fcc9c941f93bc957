"""The engine without a WebUI: U-Net and VAE from `ldm`, samplers from `k_diffusion`, the command line."""
