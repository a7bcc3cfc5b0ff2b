"""The members of an ensemble: built, trained, or read from a file."""

import contextlib
import dataclasses
import time
from pathlib import Path

import keras

from keras_derm.classifiers.backbones import BACKBONES, build_classifier
from keras_derm.classifiers.ensemble import load_classifier
from keras_derm.classifiers.imbalance import (
    classification_loss,
    sample_weights,
    smoothed_targets,
)
from keras_derm.classifiers.linear_probe import fit_linear_probe
from keras_derm.classifiers.objective import classification_objective
from keras_derm.files import read_json
from keras_derm.layers import augmentation
from keras_derm.networks import checkpoint_gradients, freeze
from keras_derm.pipeline import image_dataset
from keras_derm.training import STATE_NAME, computing_in, default_strategy, fit

N_WARM, N_TIMED = 5, 20
"""Training steps by which it is measured where images are augmented."""


def untrained_member(member, settings, n_classes):
    """Classifier of a member as its training begins with it; see `build_classifier`.

    Args:
        member: `MemberSettings`.
        settings: `TrainClassifierSettings`.
        n_classes: Number of classes.
    """
    weights = settings.weights or {}
    model = build_classifier(
        member.backbone,
        n_classes,
        member.image_size,
        weights=weights.get(member.backbone),
        dropout=settings.dropout,
        hidden_units=settings.hidden_units,
        cropped_from=member.cropped_from,
        input_scaling=member.input_scaling,
        batch_norm_momentum=settings.batch_norm_momentum,
        pooled_layers=member.pooled_layers,
    )
    if settings.gradient_checkpointing:
        model = checkpoint_gradients(model)
    if member.frozen_until and member.backbone in weights:
        freeze(model, member.frozen_until)
    return model


def train_member(member, settings, examples, folder, number=0, workers=None):
    """Train one member, or go on with its training.

    Args:
        member: `MemberSettings`.
        settings: `TrainClassifierSettings` of the arm; `preprocess_on` "auto" is "cpu"
            here.
        examples: `Examples`.
        folder: Folder of the arm; the member's own in it is called like its network.
        number: How many members before it are of the same network and size: it has a
            seed and a folder of its own.
        workers: `Workers` that train together, or None.

    Returns:
        The best model, without its optimizer.
    """
    model = _begun(member, settings, examples, number, workers)
    if member.linear_probe:
        return _probe(model, settings, examples)
    batch_size, side = settings.batch_size, model.input_shape[1]
    name = f"{model.name}_{number + 1}" if number else model.name
    n_steps = max(1, examples.n_real // batch_size)
    order = _order(settings, number)
    share = (0, 1) if workers is None else workers.share(batch_size)
    return fit(
        model,
        _augmented(settings, examples, model, order, share),
        examples.validation(side, batch_size),
        Path(folder) / name,
        classification_objective(_loss(settings, examples)),
        dataclasses.replace(
            settings.optimization,
            steps_per_execution=_steps_at_once(n_steps, settings.optimization),
        ),
        epochs=member.epochs,
        steps_per_epoch=n_steps,
        learning_rate=member.learning_rate,
        weight_decay=settings.weight_decay,
        unaugmented=examples.batches(side, **order),
        workers=workers,
        jit_compile="auto" if member.jit_compile is None else member.jit_compile,
    )


def _probe(model, settings, examples):
    """The model, whose softmax alone is fitted to the examples."""
    side, batch_size = model.input_shape[1], settings.batch_size
    images = {"batch_size": batch_size, "image_size": (side, side)}
    imbalance, targets = settings.imbalance, examples.targets
    n_classes = len(examples.task.classes)
    adjusted = imbalance == "logit_adjustment"
    return fit_linear_probe(
        model,
        image_dataset(examples.prepared, examples.indices, **images).map(
            lambda seen: seen
        ),
        targets,
        examples.validation(side, batch_size).map(lambda seen, _: seen),
        examples.val_targets,
        sample_weights(imbalance, targets, n_classes),
        settings.logit_adjustment if adjusted else 0.0,
    )


def preprocessing_speeds(member, settings, examples):
    """Images per second of training steps, by where the images are augmented.

    Args:
        member, settings, examples: As of `train_member`.

    Returns:
        Dict of "cpu" and "device", the devices that train, to images per second.
    """
    speeds = {}
    for place in ("cpu", "device"):
        keras.backend.clear_session()
        there = dataclasses.replace(settings, preprocess_on=place)
        model = _begun(member, there, examples)
        model.compile("adamw", "mean_squared_error", weighted_metrics=[])
        train = _augmented(there, examples, model, _order(settings), (0, 1))(0)
        watch = Stopwatch(N_WARM)
        steps = {"steps_per_epoch": N_WARM + N_TIMED, "shuffle": False, "verbose": 0}
        model.fit(train, callbacks=[watch], **steps)
        speeds[place] = N_TIMED * settings.batch_size / watch.seconds
    keras.backend.clear_session()
    return speeds


class Stopwatch(keras.callbacks.Callback):
    """Time an epoch from one of its steps on.

    Args:
        n_warm: Steps before the first that is timed, which fill the buffers.

    Attributes:
        seconds: What the steps from then on took.

    Example:
        >>> watch = Stopwatch(5)
        >>> model.fit(train, steps_per_epoch=25, callbacks=[watch])
        >>> print(watch.seconds / 20)
    """

    def __init__(self, n_warm):
        super().__init__()
        self.n_warm = n_warm

    def on_train_batch_begin(self, batch, logs=None):
        if batch == self.n_warm:
            self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds = time.perf_counter() - self.start


def _begun(member, settings, examples, number=0, workers=None):
    """Model of a member with new weights, on the devices that will train it."""
    keras.utils.set_random_seed(settings.seed + number)
    alone = default_strategy().scope() if workers is None else contextlib.nullcontext()
    with alone, computing_in(member.precision or "float32"):
        return untrained_member(member, settings, len(examples.task.classes))


def _order(settings, number=0):
    return {
        "batch_size": settings.batch_size,
        "shuffle": True,
        "repeat": True,
        "seed": settings.seed + number,
    }


def _augmented(settings, examples, model, order, share):
    """Function of n: augmented training batches without the first n."""
    imbalance, targets = settings.imbalance, examples.targets
    n_classes, side = len(examples.task.classes), model.input_shape[1]
    on_device = settings.preprocess_on == "device"

    def batches_from(n_batches):
        return image_dataset(
            examples.prepared,
            examples.indices,
            smoothed_targets(imbalance, targets, n_classes, settings.label_smoothing),
            sample_weights(imbalance, targets, n_classes),
            **order,
            image_size=(side, side),
            balance_by=targets if imbalance == "balanced_sampling" else None,
            augmentation=augmentation(
                settings.preset, order["seed"], settings.augmentation_strength
            ),
            share=share,
            first_batch=n_batches,
            strategy=model.distribute_strategy if on_device else None,
        )

    return batches_from


def _loss(settings, examples):
    return classification_loss(
        settings.imbalance,
        examples.targets,
        len(examples.task.classes),
        focal_gamma=settings.focal_gamma,
        focal_alpha=settings.focal_alpha,
        positive_class=examples.task.positive_class,
        logit_adjustment=settings.logit_adjustment,
    )


def _steps_at_once(n_steps, optimization):
    """Most steps without coming back to Python that divide an epoch."""
    most = min(n_steps, optimization.steps_per_execution)
    return max(k for k in range(1, most + 1) if n_steps % k == 0)


def member_numbers(members):
    """How many `members` before each are of the same network and size: list of int."""
    networks = [
        (
            one.file,
            one.backbone,
            one.image_size or BACKBONES[one.backbone].image_size,
            one.pooled_layers,
            one.linear_probe,
        )
        for one in members
    ]
    return [networks[:i].count(each) for i, each in enumerate(networks)]


def read_member(path, task, preset):
    """A trained member, held against what lies beside it.

    Args:
        path: A .keras file; the ensemble.json beside it, or above, says what it is.
        task: `Task` whose classes it is to tell apart.
        preset: Name of the chain of layers by which images are prepared here.

    Raises:
        ValueError: It tells other classes apart.
    """
    model = load_classifier(path)
    if model.output_shape[-1] != len(task.classes):
        raise ValueError(
            f"a member must tell apart the {len(task.classes)} classes of this task. "
            f"Received: {path} with {model.output_shape[-1]}"
        )
    places = [p / "ensemble.json" for p in list(Path(path).resolve().parents)[:2]]
    description = next(filter(Path.is_file, places), None)
    if description is None:
        print(f"no ensemble.json says which classes {path} tells apart: taken as these")
        return model
    facts = read_json(description, ("classes",), "copy it anew from its run")
    if list(facts["classes"]) != list(task.classes):
        raise ValueError(
            f"a member must tell apart {', '.join(task.classes)}, in this order. "
            f"Received: {path} with {', '.join(facts['classes'])}"
        )
    if facts.get("preset", preset) != preset:
        print(
            f"{path} was trained on images prepared as {facts['preset']}, and is given "
            f"images prepared as {preset}"
        )
    return model


def remove_states(folder):
    """Remove what the trainings in a folder go on from, when they are finished."""
    for state in Path(folder).glob(f"*/*{STATE_NAME}"):
        state.unlink()
