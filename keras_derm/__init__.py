"""Audit, mend and prove the fairness of dermoscopy archives and classifiers.

Each part is a subpackage (`keras_derm.catalog`, `keras_derm.layers`, ...), loaded
when first used: importing `keras_derm` alone does not load TensorFlow. The trained
models of the repository are had by `keras_derm.from_preset(name)`.
"""

import os

from keras_derm.caches import provide_cache_folders

__version__ = "0.1.0"

provide_cache_folders()
# By itself TensorFlow takes oneDNN's kernels on some processors alone, and they are
# faster on others too (benchmarks/onednn_speed.py). It asks once, when it is loaded.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def __getattr__(name):
    if name in ("from_preset", "presets"):
        from keras_derm import zoo

        return getattr(zoo, name)
    raise AttributeError(f"module 'keras_derm' has no attribute {name!r}")
