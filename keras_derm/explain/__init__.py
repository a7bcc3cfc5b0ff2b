"""Show what a classifier looked at, and pick the cases worth showing."""

from keras_derm.explain.cases import choose_cases
from keras_derm.explain.grad_cam import attention_inside, grad_cam, overlay

__all__ = ["attention_inside", "choose_cases", "grad_cam", "overlay"]
