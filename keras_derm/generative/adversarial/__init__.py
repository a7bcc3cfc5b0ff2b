"""Generators whose networks train against each other."""
