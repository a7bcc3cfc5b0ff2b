"""The members of an ensemble: built, trained, or read from a file."""

import contextlib
import dataclasses
from pathlib import Path

import keras

from keras_derm.classifiers.backbones import BACKBONES, build_classifier
from keras_derm.classifiers.ensemble import load_classifier
from keras_derm.classifiers.imbalance import (
    classification_loss,
    sample_weights,
    smoothed_targets,
)
from keras_derm.classifiers.objective import classification_objective
from keras_derm.files import read_json
from keras_derm.layers import augmentation
from keras_derm.networks import checkpoint_gradients, freeze
from keras_derm.pipeline import image_dataset
from keras_derm.training import STATE_NAME, computing_in, default_strategy, fit


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
        batch_norm_momentum=settings.batch_norm_momentum,
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
        settings: `TrainClassifierSettings` of the arm.
        examples: `Examples`.
        folder: Folder of the arm; the member's own in it is called like its network.
        number: How many members before it are of the same network and size: it has a
            seed and a folder of its own.
        workers: `Workers` that train together, or None.

    Returns:
        The best model, without its optimizer.
    """
    seed, batch_size = settings.seed + number, settings.batch_size
    keras.utils.set_random_seed(seed)
    alone = default_strategy().scope() if workers is None else contextlib.nullcontext()
    with alone, computing_in(member.precision or "float32"):
        model = untrained_member(member, settings, len(examples.task.classes))
    name = f"{model.name}_{number + 1}" if number else model.name
    side = model.input_shape[1]
    n_steps = max(1, examples.n_real // batch_size)
    order = {"batch_size": batch_size, "shuffle": True, "repeat": True, "seed": seed}
    share = (0, 1) if workers is None else workers.share(batch_size)
    return fit(
        model,
        _augmented(settings, examples, side, order, share),
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
    )


def _augmented(settings, examples, side, order, share):
    """Function of n: augmented training batches without the first n."""
    imbalance, targets = settings.imbalance, examples.targets
    n_classes = len(examples.task.classes)

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
    )


def _steps_at_once(n_steps, optimization):
    """Most steps without coming back to Python that divide an epoch."""
    most = min(n_steps, optimization.steps_per_execution)
    return max(k for k in range(1, most + 1) if n_steps % k == 0)


def member_numbers(members):
    """How many `members` before each are of the same network and size: list of int."""
    networks = [
        (one.file, one.backbone, one.image_size or BACKBONES[one.backbone].image_size)
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
