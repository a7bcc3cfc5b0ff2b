"""Audit, mend and prove the fairness of dermoscopy archives and classifiers.

Each part is a subpackage (`keras_derm.catalog`, `keras_derm.layers`, ...), loaded
when first used: importing `keras_derm` alone does not load TensorFlow.
"""

from keras_derm.caches import provide_cache_folders

__version__ = "0.1.0"

provide_cache_folders()
