"""Compact diffusion: images made by removing noise, a step at a time."""
