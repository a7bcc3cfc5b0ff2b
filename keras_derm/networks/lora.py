"""Low-rank adapters: what a large network learns anew, in a few thousand numbers."""

import re

import keras
import numpy as np
from keras import ops

from keras_derm.files import shown
from keras_derm.networks.tensor_files import TensorFile, write_tensors

SIDES = ("down", "up")
MIXED = {"bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


@keras.saving.register_keras_serializable(package="keras_derm")
class LoRA(keras.layers.Layer):
    """A Dense or Conv2D layer and its adapters: y = base(x) + scale * B(A(x)).

    A maps to `rank` channels, of a Conv2D with its kernel size, strides, padding and
    dilation; B maps these to the channels of the base, with a kernel of 1 x 1, and is
    zero at first. `scale` is alpha / rank while the adapter is active, else 0, and the
    outputs are then those of the base, bit by bit. It is a variable, so that a
    compiled function needs no new tracing when adapters are switched. Weights of
    adapters are float32, also where the base has bfloat16 or float16. An activation of
    the base comes after the sum.

    Args:
        base: Built Dense, or Conv2D of channels last and one group.
        adapters: Options of adapters by name: `rank`, `alpha`, `dropout`, `seed`, and
            whether it is `active`.
        activation: What comes after the sum; by default the activation of the base,
            which then has none itself.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: The base is of another kind.

    Example:
        >>> layer = LoRA(keras.layers.Dense(64))
        >>> layer.build((None, 32))
        >>> layer.add("dark", rank=4, alpha=4, dropout=0.0, seed=0)

    Reference:
        Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022.
    """

    def __init__(self, base, adapters=None, activation=None, **kwargs):
        kwargs.setdefault("dtype", base.dtype_policy)
        super().__init__(**kwargs)
        fault = unfit(base)
        if fault:
            raise ValueError(f"an adapter cannot be added to {fault}")
        self.base = base
        self.activation = keras.activations.get(activation or base.activation)
        base.activation = keras.activations.linear
        self.adapters = {}
        for name, options in (adapters or {}).items():
            self.adapters[name] = _Adapter(base, **options)

    def build(self, input_shape):
        if not self.base.built:
            self.base.build(input_shape)
        for adapter in self.adapters.values():
            adapter.build(input_shape)
        self._input_shape = tuple(input_shape)
        self.built = True

    def add(self, name, rank, alpha, dropout, seed):
        """Add an active adapter to the built layer; the others are no longer active.

        Raises:
            ValueError: There is one of the name, or an option is out of range.
        """
        if name in self.adapters:
            raise ValueError(f"there is an adapter of this name. Received: {name!r}")
        adapter = _Adapter(self.base, rank, alpha, dropout, seed)
        adapter.build(self._input_shape)
        self._tracker.unlock()
        self.adapters[name] = adapter
        self._tracker.lock()
        self.activate(name)

    def activate(self, name):
        """Let one adapter act, or with None none."""
        for other, adapter in self.adapters.items():
            adapter.set_active(other == name)

    def kernel_change(self, name):
        """What an adapter adds to the kernel of the base: float32 array of its shape.

        It is that of alpha / rank, whether the adapter is active or not.
        """
        adapter = self.adapters[name]
        down, up = (np.asarray(v, "float32") for v in adapter.pair)
        return adapter.alpha / adapter.rank * (down @ up.reshape(up.shape[-2:]))

    def restored(self):
        """The base as it was before it had adapters."""
        self.base.activation = self.activation
        return self.base

    def call(self, inputs, training=None):
        outputs = self.base(inputs)
        for adapter in self.adapters.values():
            outputs = outputs + adapter(inputs, training=training)
        return self.activation(outputs)

    def compute_output_shape(self, input_shape):
        return self.base.compute_output_shape(input_shape)

    def get_config(self):
        return super().get_config() | {
            "base": keras.saving.serialize_keras_object(self.base),
            "adapters": {name: a.options() for name, a in self.adapters.items()},
            "activation": keras.activations.serialize(self.activation),
        }

    @classmethod
    def from_config(cls, config):
        base = keras.saving.deserialize_keras_object(config["base"])
        return cls(**config | {"base": base})


class _Adapter(keras.layers.Layer):
    """The low-rank part of a `LoRA` layer: `scale * B(A(x))`."""

    def __init__(self, base, rank, alpha, dropout, seed, active=True):
        compute = base.dtype_policy.compute_dtype
        super().__init__(dtype=MIXED.get(compute, compute), name="adapter")
        whole = isinstance(rank, int) and not isinstance(rank, bool)
        if not whole or rank < 1 or not alpha > 0 or not 0 <= dropout < 1:
            raise ValueError(
                "`rank` must be a positive integer, `alpha` positive, `dropout` in "
                f"[0, 1). Received: rank={rank!r}, alpha={alpha!r}, dropout={dropout!r}"
            )
        self.rank, self.alpha, self.dropout, self.seed = rank, alpha, dropout, seed
        self.active = active
        self.down, self.up = _projections(base, rank, seed, self.dtype_policy)
        self.drop = keras.layers.Dropout(dropout, seed=seed, dtype=self.dtype_policy)

    def build(self, input_shape):
        self.scale = self.add_weight(
            shape=(),
            dtype="float32",
            initializer=keras.initializers.Constant(self._scale(self.active)),
            trainable=False,
            aggregation="only_first_replica",
            name="scale",
        )
        self.down.build(input_shape)
        self.up.build(self.down.compute_output_shape(input_shape))
        self.built = True

    def _scale(self, active):
        return self.alpha / self.rank if active else 0.0

    def set_active(self, active):
        self.active = active
        self.scale.assign(self._scale(active))

    @property
    def pair(self):
        """Variables of A and B."""
        return self.down.kernel, self.up.kernel

    def options(self):
        names = ("rank", "alpha", "dropout", "seed", "active")
        return {name: getattr(self, name) for name in names}

    def call(self, inputs, training=None):
        low = self.down(self.drop(inputs, training=training))
        return ops.cast(self.scale, self.compute_dtype) * self.up(low)


def _projections(base, rank, seed, dtype):
    """Layers of A, with the initialization of the paper's code, and B, zero."""
    first = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform", seed)
    of_a = {"use_bias": False, "kernel_initializer": first, "dtype": dtype}
    of_b = {"use_bias": False, "kernel_initializer": "zeros", "dtype": dtype}
    if isinstance(base, keras.layers.Dense):
        return (
            keras.layers.Dense(rank, **of_a, name="down"),
            keras.layers.Dense(base.units, **of_b, name="up"),
        )
    window = (base.kernel_size, base.strides, base.padding)
    dilation = base.dilation_rate
    return (
        keras.layers.Conv2D(rank, *window, dilation_rate=dilation, **of_a, name="down"),
        keras.layers.Conv2D(base.filters, 1, **of_b, name="up"),
    )


def unfit(layer):
    """Why a layer can have no adapter, or an empty text where it can."""
    if isinstance(layer, keras.layers.Dense):
        return ""
    if not isinstance(layer, keras.layers.Conv2D):
        return f"a {type(layer).__name__}, only to Dense and Conv2D layers"
    if layer.groups != 1 or layer.data_format != "channels_last":
        return (
            "a Conv2D of several groups or channels first. "
            f"Received: groups={layer.groups}, data_format={layer.data_format!r}"
        )
    return ""


def add_adapter(model, name, rank=4, alpha=None, dropout=0.0, where=None, seed=0):
    """Add an adapter to projections of a model, and freeze all the rest of it.

    Each chosen layer, an attribute of a composite layer such as `to_q` of an attention
    layer, gives its place to a `LoRA` layer around it. The adapter is active, and
    others are not; its weights are the trainable ones of the model. Compile the model,
    or make the optimizer, afterwards.

    A `.keras` file names classes and their configurations: a model with adapters is
    read back from one where the composite layers make the `LoRA` layers from their own
    configuration. Else build the model, add the same adapters (`load_adapter`), and
    then `load_weights`. `save_adapter` writes the adapter alone.

    Args:
        model: Built model.
        name: Name of the adapter.
        rank: Channels between A and B.
        alpha: The update counts alpha / rank times; by default `rank`.
        dropout: Share of the inputs of A that is dropped in training, in [0, 1).
        where: Which layers: the end of a path, such as "attn2.to_q", several of them,
            or a function of path and layer to a bool. By default all that can be. A
            path is made of the names of attributes; layers of a functional model stand
            in it by their names, or where Keras gave these, by class and number.
        seed: Integer seed of A and of the dropout.

    Returns:
        List of the `LoRA` layers, in the order of the model.

    Raises:
        ValueError: No layer is chosen, one that is has no adapters (another class, a
            node of a functional graph, not built), or the name is taken.

    Example:
        >>> add_adapter(unet, "dark", rank=4, where=("attn2.to_q", "attn2.to_v"))
        >>> optimizer.build(adapter_variables(unet, "dark"))
    """
    places = _chosen(model, where)
    if any(name in layer.adapters for layer in lora_layers(model).values()):
        raise ValueError(
            f"the model has an adapter of this name: merge it, or take another. "
            f"Received: name={name!r}"
        )
    alpha = rank if alpha is None else alpha
    activate(model, None)
    _freeze(model)
    found = {}
    for owner, attribute, _, layer in places:
        if id(layer) not in found:
            wrapped = layer if isinstance(layer, LoRA) else _wrapped(layer)
            wrapped.add(name, rank, alpha, dropout, seed + len(found))
            found[id(layer)] = wrapped
        _replace(owner, attribute, found[id(layer)])
    return list(found.values())


def lora_layers(model, name=None):
    """`LoRA` layers of a model by their path; of one adapter, if it is named.

    Raises:
        ValueError: The model has no adapter of this name.
    """
    layers = {}
    for _, _, path, layer in _places(model):
        if isinstance(layer, LoRA) and not any(layer is o for o in layers.values()):
            layers[path] = layer
    if name is None:
        return layers
    named = {path: layer for path, layer in layers.items() if name in layer.adapters}
    if not named:
        known = sorted({other for layer in layers.values() for other in layer.adapters})
        raise ValueError(
            f"the model must have an adapter of this name: it has {known}. "
            f"Received: name={name!r}"
        )
    return named


def adapter_variables(model, name):
    """Trainable variables of an adapter: A and B of each layer, in order."""
    return [
        variable
        for layer in lora_layers(model, name).values()
        for variable in layer.adapters[name].pair
    ]


def activate(model, name):
    """Let one adapter of a model act, or none.

    With None the outputs are those of the model without adapters, bit by bit. A
    function that TensorFlow compiled goes on without being traced anew.

    Args:
        model: Model with adapters.
        name: Name of an adapter, or None.

    Raises:
        ValueError: There is no adapter of this name.
    """
    if name is not None:
        lora_layers(model, name)
    for layer in lora_layers(model).values():
        layer.activate(name)


def merge(model, name):
    """Add an adapter to the kernels of its base layers for good, and remove it.

    A layer without further adapters is the plain one again.

    Args:
        model: Model with adapters.
        name: Name of the adapter.

    Raises:
        ValueError: There is no adapter of this name.
    """
    merged = list(lora_layers(model, name).values())
    for layer in merged:
        kernel = layer.base.kernel
        kernel.assign(np.asarray(kernel, "float32") + layer.kernel_change(name))
        layer.adapters.pop(name)
    for owner, attribute, _, layer in list(_places(model)):
        if any(layer is other for other in merged) and not layer.adapters:
            _replace(owner, attribute, layer.restored())


def save_adapter(model, name, path):
    """Write an adapter as a safetensors file, and nothing else of the model.

    It has `<path of the layer>.down` and `.up`, in the shapes of Keras, and in its
    header name, rank, alpha, dropout, seed and the paths.

    Args:
        model: Model with adapters.
        name: Name of the adapter.
        path: The file.

    Raises:
        ValueError: There is no adapter of this name.
    """
    layers = lora_layers(model, name)
    kernels = _kernels(layers, name)
    arrays = {tensor: np.asarray(kernel) for tensor, kernel in kernels.items()}
    options = next(iter(layers.values())).adapters[name].options()
    del options["active"]
    write_tensors(path, arrays, {"name": name, **options, "where": list(layers)})


def save_training(model, name, optimizer, path):
    """Write what the training of an adapter goes on from, as a safetensors file.

    That is the adapter, the state of its dropout, and what its optimizer keeps.

    Args:
        model: Model with adapters.
        name: Name of the adapter.
        optimizer: Optimizer that was built for `adapter_variables`.
        path: The file.
    """
    state = _training_state(model, name, optimizer)
    write_tensors(path, {n: np.asarray(variable) for n, variable in state.items()})


def load_training(model, name, optimizer, path):
    """Take what `save_training` wrote; the arguments are the same.

    Raises:
        FileNotFoundError: There is no such file.
        DamagedFileError: It is not whole, or of another adapter or optimizer.
    """
    state = _training_state(model, name, optimizer)
    with TensorFile(path, "remove it to train anew") as file:
        if set(state) != set(file.shapes):
            raise file.damaged(shown(sorted(set(state) ^ set(file.shapes))[:3]))
        for place, variable in state.items():
            if file.shapes[place] != tuple(variable.shape):
                raise file.damaged(f"{place} of shape {file.shapes[place]}")
        for place, variable in state.items():
            variable.assign(file.array(place))


def _training_state(model, name, optimizer):
    """Variables of the training of an adapter by the names that they have in a file."""
    layers = lora_layers(model, name)
    state = _kernels(layers, name)
    for place, layer in layers.items():
        adapter = layer.adapters[name]
        if adapter.dropout:
            state[f"{place}.dropout"] = adapter.drop.seed_generator.state
    for number, variable in enumerate(optimizer.variables):
        state[f"optimizer.{number:04d}"] = variable
    return state


def load_adapter(model, path):
    """Add the adapter of a file of `save_adapter` to a model, and activate it.

    A model that has one of this name, at the same layers, takes its weights.

    Args:
        model: Model built as the one that it was trained with.
        path: The file.

    Returns:
        Name of the adapter.

    Raises:
        FileNotFoundError: There is no such file.
        DamagedFileError: It is not whole, or no adapter.
        ValueError: It is of another network: a layer or a shape differs.
    """
    name, where, options, arrays = _read(path)
    places = {p: _base(layer) for _, _, p, layer in _places(model)}
    foreign = [p for p in where if p not in places or unfit(places[p])]
    if foreign:
        raise ValueError(
            f"{path} is an adapter of another network: {len(foreign)} of {len(where)} "
            "layers are not in the model, build the one that it was trained with. "
            f"Received: {foreign[:3]}"
        )
    for place in where:
        for side, shape in _shapes(places[place], options["rank"]).items():
            found = arrays[f"{place}.{side}"].shape
            if found != shape:
                raise ValueError(
                    f"{path} does not fit the model: {place}.{side} must have shape "
                    f"{shape}. Received: shape {found}"
                )
    layers = {p: la for p, la in lora_layers(model).items() if name in la.adapters}
    if not layers:
        add_adapter(model, name, **options, where=lambda p, _: p in set(where))
        layers = lora_layers(model, name)
    ranks = {layer.adapters[name].rank for layer in layers.values()}
    if set(layers) != set(where) or ranks != {options["rank"]}:
        raise ValueError(
            f"{path} is an adapter of other layers or another rank than {name!r} of "
            f"the model: rank {sorted(ranks)} of {len(layers)} layers. "
            f"Received: rank {options['rank']} of {len(where)} layers"
        )
    for tensor, kernel in _kernels(layers, name).items():
        kernel.assign(arrays[tensor])
    activate(model, name)
    return name


def _read(path):
    """Name, paths, options and arrays of a file of `save_adapter`."""
    with TensorFile(path, "train or copy the adapter again") as file:
        texts = file.texts()
        needed = ("name", "where", "rank", "alpha", "dropout", "seed")
        missing = [key for key in needed if key not in texts]
        if missing:
            raise file.damaged(f"a header without {', '.join(missing)}")
        where = texts["where"]
        arrays = {f"{p}.{s}": file.array(f"{p}.{s}") for p in where for s in SIDES}
    return texts["name"], where, {key: texts[key] for key in needed[2:]}, arrays


def _kernels(layers, name):
    """Variables of an adapter by the names that they have in its file."""
    return {
        f"{place}.{side}": kernel
        for place, layer in layers.items()
        for side, kernel in zip(SIDES, layer.adapters[name].pair, strict=True)
    }


def _shapes(base, rank):
    """Shapes of A and B for a base layer."""
    *window, channels, filters = base.kernel.shape
    one = (1,) * len(window)
    return {"down": (*window, channels, rank), "up": (*one, rank, filters)}


def _chosen(model, where):
    """Places of the layers that are to have an adapter."""
    named = where is not None and not callable(where)
    ends = (where,) if isinstance(where, str) else where
    chosen = []
    for place in _places(model):
        _, attribute, path, layer = place
        if named:
            wanted = any(f".{path}".endswith(f".{end}") for end in ends)
        else:
            wanted = not unfit(_base(layer)) and (
                attribute is not None if where is None else where(path, _base(layer))
            )
        if wanted:
            _check_place(attribute, path, _base(layer))
            chosen.append(place)
    if not chosen:
        known = [
            p for _, a, p, layer in _places(model) if a and not unfit(_base(layer))
        ]
        raise ValueError(
            "`where` must choose Dense or Conv2D layers that are attributes of "
            f"composite layers: {model.name} has {known[:4]} and so on, "
            f"{len(known)} in all. Received: where={where!r}"
        )
    return chosen


def _check_place(attribute, path, layer):
    fault = unfit(layer)
    if not fault and not layer.built:
        fault = "a layer that is not built: call the model once before"
    if not fault and attribute is None:
        fault = (
            "a node of a functional graph or an entry of a list, which cannot be "
            "replaced: make it an attribute of a composite layer"
        )
    if fault:
        raise ValueError(f"{path}: an adapter cannot be added to {fault}")


def _base(layer):
    return layer.base if isinstance(layer, LoRA) else layer


def _places(model, prefix="", seen=None):
    """Every layer below a model, once a place: owner, attribute, path, layer.

    The attribute is None where the layer cannot be replaced: a node of a graph, or
    part of a list.
    """
    seen = {id(model)} if seen is None else seen
    for attribute, name, layer in _children(model):
        path = f"{prefix}{name}"
        yield model, attribute, path, layer
        if id(layer) not in seen and not isinstance(layer, LoRA):
            seen.add(id(layer))
            yield from _places(layer, f"{path}.", seen)


def _children(layer):
    if isinstance(layer, keras.Sequential) or hasattr(layer, "operations"):
        return _nodes(layer)
    children = []
    for attribute, value in list(vars(layer).items()):
        if attribute.startswith("_"):
            continue
        if isinstance(value, keras.layers.Layer):
            children.append((attribute, attribute, value))
        elif isinstance(value, (list, tuple, dict)):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            children += [
                (None, f"{attribute}.{key}", inner)
                for key, inner in items
                if isinstance(inner, keras.layers.Layer)
            ]
    return children


def _nodes(model):
    """Layers of a functional model; names that Keras gave are counted anew.

    Keras counts layers over all models of a process, so its names are others in the
    next model of the same kind.
    """
    counts = {}
    nodes = []
    for layer in model.layers:
        kind = _snake_case(type(layer).__name__)
        name = layer.name
        if re.fullmatch(rf"{kind}(_\d+)?", name):
            number = counts[kind] = counts.get(kind, -1) + 1
            name = f"{kind}_{number}"
        nodes.append((None, name, layer))
    return nodes


def _snake_case(name):
    """Name that Keras derives from the name of a class."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _wrapped(layer):
    lora = LoRA(layer, name=layer.name)
    lora.build(_input_shape(layer))
    return lora


def _input_shape(layer):
    channels = layer.kernel.shape[-2]
    if isinstance(layer, keras.layers.Dense):
        return (None, channels)
    return (None, None, None, channels)


def _replace(owner, attribute, layer):
    """Give the attribute of a built layer another layer, at the same position."""
    before = getattr(owner, attribute)
    if before is layer:
        return
    position = next(i for i, other in enumerate(owner._layers) if other is before)
    locked = owner._tracker.locked
    owner._tracker.unlock()
    owner._tracker.untrack(before)
    setattr(owner, attribute, layer)
    owner._layers.insert(position, owner._layers.pop())
    if locked:
        owner._tracker.lock()


def _freeze(model):
    """Freeze layer by layer: a frozen parent would hide what is trainable in it."""
    model.trainable = True
    for layer in model._flatten_layers(include_self=False):
        if not layer._layers:
            layer.trainable = False
    for variable in model.trainable_variables:
        variable.trainable = False
