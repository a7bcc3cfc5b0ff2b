"""Recipes of published systems, one YAML file each."""
