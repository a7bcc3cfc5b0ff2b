"""What the operations of a network hand over."""

import keras


def crossing_tensors(model):
    """List what lies on every cut through a flat functional network.

    Args:
        model: Flat functional `keras.Model`.

    Returns:
        List of one list for each of `model.operations`: the tensors that are made by
        it or before it, and used behind it or given out. Where there is a single one,
        all that the network tells passes through it.

    Example:
        >>> narrow = [len(tensors) == 1 for tensors in crossing_tensors(model)]
    """
    made_at, used_at, tensors = {}, {}, {}
    for position, operation in enumerate(model.operations):
        if not isinstance(operation, keras.layers.InputLayer):
            for tensor in keras.tree.flatten(operation.input):
                used_at[id(tensor)] = position
        for tensor in keras.tree.flatten(operation.output):
            made_at[id(tensor)] = position
            tensors[id(tensor)] = tensor
    for tensor in model.outputs:
        used_at[id(tensor)] = len(model.operations)
    return [
        [tensors[k] for k, made in made_at.items() if made <= cut < used_at.get(k, -1)]
        for cut in range(len(model.operations))
    ]
