"""Stable Diffusion v1 with adapters; needs the extra `diffusion`."""
