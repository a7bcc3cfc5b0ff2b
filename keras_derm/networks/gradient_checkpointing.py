"""Gradient checkpointing: feature maps are computed again, not kept in memory."""

import weakref

import keras
import numpy as np
import tensorflow as tf

from keras_derm.networks.crossing_tensors import crossing_tensors
from keras_derm.networks.fused_batch_normalization import (
    FusedBatchNormalization,
    recomputing,
)

N_SEGMENTS = 8
_SEGMENTS = weakref.WeakKeyDictionary()  # an attribute would add them to the layers


@keras.saving.register_keras_serializable(package="keras_derm")
class CheckpointedModel(keras.Model):
    """Functional model that keeps few feature maps between forward and backward pass.

    In training the graph is run in segments, of which only what goes in is kept; the
    backward pass computes the rest again, a segment at a time, with the random numbers
    of the first time. Gradients and moving statistics are those of the plain model, and
    a step takes about a third longer. The layers lie flat as before, so saving,
    Grad-CAM and ensembles know no difference.

    The last segment and the head run as usual.

    Args:
        *args: Inputs and outputs, as `keras.Model` takes them.
        **kwargs: Further arguments of `keras.Model`.

    Example:
        >>> model = checkpoint_gradients(build_classifier("ResNet50", n_classes=8))
        >>> model.compile("adamw", "categorical_crossentropy")

    Reference:
        Chen et al., Training deep nets with sublinear memory cost, arXiv:1604.06174.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)

    def call(self, inputs, training=None, mask=None):
        if not training:
            return super().call(inputs, training=training, mask=mask)
        if self not in _SEGMENTS:
            _SEGMENTS[self] = _segments(self)
        known = {id(self.inputs[0]): inputs}
        for number, (segment, given, made) in enumerate(_SEGMENTS[self], start=1):
            run = _run(segment)
            if number < len(_SEGMENTS[self]) - 1:
                run = tf.recompute_grad(run)
            results = run(*(known[key] for key in given))
            known.update(zip(made, results, strict=True))
        return known[id(self.outputs[0])]


def checkpoint_gradients(model):
    """Return the same classifier, to be trained with gradient checkpointing.

    Args:
        model: Flat functional classifier of one input and output, its head behind a
            layer "pooling", such as `build_classifier` returns.

    Returns:
        `CheckpointedModel` of the same layers and name.

    Raises:
        ValueError: The model has no layer "pooling", or a BatchNormalization that
            would count the batch twice: see `fuse_batch_normalization`.
    """
    names = [layer.name for layer in model.layers]
    twice = [
        layer.name
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
        and not isinstance(layer, FusedBatchNormalization)
    ]
    if "pooling" not in names or twice:
        raise ValueError(
            "gradient checkpointing needs a model of `build_classifier`: a layer "
            "'pooling', and every BatchNormalization fused. "
            f"Received: {model.name}, not fused {twice[:3]}"
        )
    return CheckpointedModel(model.inputs[0], model.outputs[0], name=model.name)


def _run(segment):
    """Function of a segment that leaves moving statistics alone the second time.

    It draws the same random numbers then, and leaves the generators where they were.
    """
    seeds = [v for v in segment.variables if "seed_generator_state" in v.path]
    first = []

    def run(*tensors):
        again, before = bool(first), [tf.identity(seed.value) for seed in seeds]
        if again:
            _assign(seeds, first[0])
        else:
            first.append(before)
        with recomputing(again):
            results = segment(list(tensors), training=True)
        if again:
            _assign(seeds, before)
        return tuple(results) if isinstance(results, (list, tuple)) else (results,)

    return run


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _segments(model):
    """Cut a flat functional model into parts that hand over little.

    Each is `(segment, given, made)`: a `keras.Model` of the same layers, and the ids of
    the model's tensors that go in and come out. The last is the head.
    """
    operations = [
        op for op in model.operations if not isinstance(op, keras.layers.InputLayer)
    ]
    n_body = [op.name for op in operations].index("pooling")
    crossing = crossing_tensors(model)  # the input first, so [i]: before operation i
    sizes = np.array(
        [sum(map(_size, keras.tree.flatten(op.output))) for op in operations]
    )
    share = np.cumsum(sizes[:n_body]) / sizes[:n_body].sum()
    handed = [sum(map(_size, crossing[cut])) for cut in range(n_body)]
    cuts = [0]
    for number in range(1, N_SEGMENTS):
        low, high = (number - 0.4) / N_SEGMENTS, (number + 0.4) / N_SEGMENTS
        near = [c for c in range(1, n_body) if low <= share[c - 1] <= high]
        if near:
            cuts.append(min(near, key=handed.__getitem__))
    cuts += [n_body, len(operations)]
    parts = []
    for start, end in zip(cuts, cuts[1:], strict=False):
        used = {
            id(t) for op in operations[start:end] for t in keras.tree.flatten(op.input)
        }
        there = {id(t) for t in crossing[start]}
        given = [t for t in crossing[start] if id(t) in used]
        made = [t for t in crossing[end] if id(t) not in there]
        segment = keras.Model(given, made)
        parts.append((segment, [id(t) for t in given], [id(t) for t in made]))
    return parts


def _size(tensor):
    return int(np.prod([side for side in tensor.shape[1:] if side]))
