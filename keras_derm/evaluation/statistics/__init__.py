"""Resampling, tests and corrections: they know no classifier."""
