"""Job: train the members of an ensemble on real, or real and made, images."""

import contextlib
import functools
import json
import re
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from keras_derm.files import short_digest
from keras_derm.jobs.evaluate import ARMS
from keras_derm.precision import PRECISIONS
from keras_derm.runs import ARM, RunDirectory, describe_environment, join_workers


@dataclass
class Member:
    """One member of the ensemble.

    Args:
        backbone: Name in keras_derm.classifiers.BACKBONES.
        image_size: Side of its images; its published one by default.
        epochs: Epochs over as many images as there are real ones to train on.
        learning_rate: Peak of the schedule.
        frozen_until: Name of the layer up to which pretrained weights stay as they
            are, which more than halves the work of a step; without pretrained
            weights all layers learn.
        precision: What its layers compute in while it trains, as in
            `train_classifier`; by default what the arm has.
        file: A trained .keras to take as it is, over the same classes; the other
            settings then say nothing.
        digest: Digest of that file, as config.yaml records it; another is refused.
    """

    backbone: str
    image_size: int | None = None
    epochs: int = 25
    learning_rate: float = 1e-4
    frozen_until: str | None = None
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] | None = (
        None
    )
    file: str | None = None
    digest: str | None = None


@dataclass(frozen=True)
class Optimization:
    """How the members learn, beside their learning rate and number of epochs.

    Args:
        optimizer: adamw; adam, whose weight decay goes through the gradient; or
            adadelta.
        schedule: cosine, after a warm-up; plateau, which lowers the learning rate when
            the monitored figure has not improved for some epochs; or constant.
        monitor: Figure that plateau and early stopping watch.
        plateau_factor: Factor of the learning rate on a plateau.
        plateau_patience: Epochs without progress after which it is applied.
        min_learning_rate: Rate below which plateau does not go.
        early_stopping: End after so many epochs without progress; by default never.
        clip_norm: Largest global norm of the gradient; none for any.
        head_epochs: Of all epochs, the first in which the head alone learns.
        steps_per_execution: Most steps made without coming back to Python; the
            greatest number up to it that divides an epoch is taken.
        ema_momentum: Share of a moving average of the weights that a step keeps, such
            as 0.99: the average is what is judged and kept; by default the weights.
    """

    optimizer: Literal["adamw", "adam", "adadelta"] = "adamw"
    schedule: Literal["cosine", "plateau", "constant"] = "cosine"
    monitor: Literal["val_auc", "val_accuracy", "val_loss"] = "val_auc"
    plateau_factor: float = 0.5
    plateau_patience: int = 3
    min_learning_rate: float = 1e-7
    early_stopping: int | None = None
    clip_norm: float | None = 1.0
    head_epochs: int = 0
    steps_per_execution: int = 1
    ema_momentum: float | None = None


AS_EVER = Optimization()
PUBLISHED_MEMBERS = (
    Member("ResNet50"),
    Member("InceptionResNetV2"),
    Member("NASNetLarge"),
)


MEMBER_OPTIONS = {
    "augmentation_strength": 1.0,
    "hidden_units": None,
    "optimization": asdict(AS_EVER),
    "imbalance": "class_weights",
    "focal_gamma": 2.0,
    "focal_alpha": None,
    "label_smoothing": 0.0,
    "ensemble_weights": "equal",
    "symmetric": False,
    "gradient_checkpointing": False,
}
"""What `train_member` needs beside the main settings of an arm, and its defaults."""


def train_classifier(
    run: str,
    arm: str = "baseline",
    members: list[Member] = list(PUBLISHED_MEMBERS),  # noqa: B006 (never changed)
    task: str = "diagnosis8",
    preset: str = "sn_gan_ensemble",
    augmentation_strength: float = 1.0,
    batch_size: int = 32,
    dropout: float = 0.2,
    hidden_units: int | None = None,
    batch_norm_momentum: float | None = None,
    weight_decay: float = 1e-4,
    optimization: Optimization = AS_EVER,
    weights: dict[str, str] | None = None,
    adds: Literal["nothing", "synthetic", "copies"] | None = None,
    n_copies: int = 5,
    imbalance: Literal[
        "none", "class_weights", "focal", "balanced_sampling", "logit_adjustment"
    ] = "class_weights",
    focal_gamma: float = 2.0,
    focal_alpha: float | None = None,
    label_smoothing: float = 0.0,
    ensemble_weights: Literal["equal", "fitted"] = "equal",
    symmetric: bool = False,
    gradient_checkpointing: bool = False,
    precision: Literal[
        "auto", "float32", "mixed_bfloat16", "mixed_float16"
    ] = "float32",
    seed: int = 0,
):
    """Train the classifiers of one arm and average them in an ensemble.

    baseline trains on real images, augmented on real and synthetic ones; all else is
    the same, the number of steps too. The best epoch by validation AUC is kept. A run
    started again goes on at the epoch it had reached.

    An arm of any other name lies in arms/NAME, with its predictions for val and test
    in arms/NAME/predictions: compare.py takes them.

    Where TF_CONFIG names several workers, each is started with the same command and
    they train together. The first one writes the run; the others read the catalog and
    the prepared images of theirs, which may be the same.

    Args:
        run: Run directory with prepared images (augmented: and synthetic ones).
        arm: baseline, augmented, or a name of your own.
        members: Members of the ensemble.
        task: What is to be told apart: diagnosis8, melanoma or melanocytic. Classes
            without a real training image are left out.
        preset: Name of the chain of random image layers.
        augmentation_strength: Factor of how far they go, from 0 (flips alone) to 3.
        batch_size: Images a step, of all workers together.
        dropout: Rate after the pooling.
        hidden_units: Units of a dense layer between dropout and softmax; by default
            there is none.
        batch_norm_momentum: Momentum of BatchNormalization; the backbone's by default.
        weight_decay: Weight decay of the optimizer.
        optimization: Optimizer, schedule and when to end.
        weights: For each backbone imagenet or the path of a weights file; one that is
            not named starts from random weights.
        adds: What the arm has besides the real images: nothing, the synthetic ones, or
            flipped and turned copies of the real ones, made beforehand. By default
            augmented has the synthetic ones and every other arm nothing.
        n_copies: Copies of each real image, where the arm adds copies.
        imbalance: What is done about rare classes: none; class_weights in the loss;
            focal loss; balanced_sampling, every class drawn equally often; or
            logit_adjustment, by the class frequencies and in training alone.
        focal_gamma: Exponent of the focal loss.
        focal_alpha: Weight of the positive class in the focal loss, the others having
            1 - focal_alpha; by default all have the same.
        label_smoothing: Share of each target that is spread over all classes; with
            logit_adjustment by their frequencies.
        ensemble_weights: How much each member counts: equal, or fitted to the least
            log-loss on val.
        symmetric: Average over the eight flips and quarter turns of each image that is
            judged (test-time augmentation): mostly more accurate, eight times slower.
        gradient_checkpointing: Compute feature maps again in the backward pass instead
            of keeping them: less memory for a longer step.
        precision: What the layers compute in while they train: float32; mixed_bfloat16
            or mixed_float16, faster for some backbones on some devices; or auto, which
            measures a few steps of each before the first training, takes another than
            float32 where it is clearly faster, and keeps the choice in precision.json
            of the run and with each member in config.yaml. Probabilities, loss, metrics
            and weights are float32, and so is the model that is kept.
        seed: Seed of weights, order and augmentation.
    """
    adds, optimization = _added(arm, adds), asdict(optimization)
    options = {
        name: value for name, value in locals().items() if name in MEMBER_OPTIONS
    }
    if arm not in ARMS:  # what these add is in their names
        options |= {"adds": adds, "n_copies": n_copies}
    settings = {
        "members": [_recorded(member) for member in members],
        "task": task,
        "preset": preset,
        "batch_size": batch_size,
        "dropout": dropout,
        "batch_norm_momentum": batch_norm_momentum,
        "weight_decay": weight_decay,
        "weights": weights or {},
        "seed": seed,
        **options,
    }
    run = RunDirectory(run)
    if run.done("prepare"):  # else the stage says so before anything is measured
        _settle_precision(run, settings, precision)
    workers = join_workers()  # before anything is computed
    check_members(settings)
    if workers is not None:
        workers.check_same({"arm": arm, **settings})
        if not workers.is_chief:
            return _follow(run, adds, settings, workers)
    after = ["prepare", "synthetic"] if adds == "synthetic" else ["prepare"]
    stage, folder = (arm, arm) if arm in ARMS else (f"{ARM}{arm}", f"arms/{arm}")
    made = run.stage(
        stage, settings, after=after, folders=[folder], self_contained=True
    )
    with made as todo:
        if workers is not None:
            workers.agree(todo)
        if todo:
            task = _train_ensemble(run, folder, adds, settings, workers)
            if arm not in ARMS:
                _predict(run, folder, task)
            remove_states(run, folder)
    if workers is not None:
        workers.agree("done")


def _follow(run, adds, settings, workers):
    """Train with the chief, and write nothing that is kept."""
    if workers.agree(None):
        with tempfile.TemporaryDirectory() as folder:
            _train_members(run, folder, adds, settings, workers)
    workers.agree(None)


def check_members(settings):
    """Refuse what no training could begin with, before anything is set aside.

    Args:
        settings: Settings of an arm.

    Raises:
        ValueError: A backbone, preset or strength does not exist.
    """
    from keras_derm.classifiers import BACKBONES
    from keras_derm.layers import augmentation

    for member in settings["members"]:
        if member["backbone"] not in BACKBONES and not member.get("file"):
            raise ValueError(
                f"`backbone` must be one of {', '.join(BACKBONES)}. "
                f"Received: {member['backbone']!r}"
            )
    augmentation(settings["preset"], 0, settings["augmentation_strength"])


def _recorded(member):
    """Settings of a member; a file with the digest of what it holds."""
    recorded = asdict(member)
    if member.precision is None:
        del recorded["precision"]
    if member.file is None:
        del recorded["file"], recorded["digest"]
        return recorded
    if not Path(member.file).is_file():
        raise FileNotFoundError(f"no trained classifier. Received: {member.file}")
    recorded["digest"] = short_digest(Path(member.file).read_bytes())
    if member.digest not in (None, recorded["digest"]):
        raise ValueError(
            f"{member.file} is not the file that was recorded, whose digest is "
            f"{member.digest}. Received: {recorded['digest']}"
        )
    return recorded


def _settle_precision(run, settings, precision):
    """Set the precision of each member that is not trained in float32."""
    for member in settings["members"]:
        chosen = member.pop("precision", precision)
        if chosen not in ("auto", *PRECISIONS):
            raise ValueError(
                f"`precision` must be one of auto, {', '.join(PRECISIONS)}. "
                f"Received: {chosen!r}"
            )
        if member.get("file"):
            continue
        if chosen == "auto":
            chosen = _measured_precision(run, member, settings)
        if chosen != "float32":
            member["precision"] = chosen


def _measured_precision(run, member, settings):
    """The precision measured for this network in this run, now or earlier.

    Members of one kind share it over all arms, so that no arm is compared with one
    that was trained in another way, and so does a run that goes on on another device.
    """
    import os

    from keras_derm import classifiers
    from keras_derm.catalog import get_task
    from keras_derm.files import write_json

    if os.environ.get("TF_CONFIG"):
        raise ValueError(
            "several workers would measure and could choose differently: name a "
            "precision in place of auto. Received: auto with TF_CONFIG"
        )
    names = "backbone", "image_size", "frozen_until"
    network = {name: member[name] for name in names} | {
        name: settings[name] for name in ("batch_size", "gradient_checkpointing")
    }
    path = run / "precision.json"
    known = json.loads(path.read_text()) if path.is_file() else []
    for found in known:
        if network.items() <= found.items():
            return found["precision"]
    n_classes = len(get_task(settings["task"]).classes)
    speeds = classifiers.measure_precisions(
        lambda: _untrained(member, settings, n_classes), settings["batch_size"]
    )
    chosen = classifiers.fastest_precision(speeds)
    told = ", ".join(f"{name} {speed:.1f}" for name, speed in speeds.items())
    print(f"{member['backbone']}: {told} images/s: {chosen}", flush=True)
    found = {**network, "images_per_second": speeds, "precision": chosen}
    machine = describe_environment()
    device = {name: machine[name] for name in ("platform", "processors", "gpus")}
    write_json(path, [*known, found | device])
    return chosen


def _added(arm, adds):
    """What an arm has besides the real images."""
    usual = "synthetic" if arm == "augmented" else "nothing"
    if not re.fullmatch(r"[\w-]+", arm) or arm == "chosen":
        raise ValueError(
            "`arm` must be a plain name of letters, digits, _ and -, other than "
            f"chosen. Received: {arm!r}"
        )
    if arm in ARMS and adds not in (None, usual):
        raise ValueError(
            f"the arm {arm} adds {usual}, which the report relies on: give the arm "
            f"another name. Received: {adds!r}"
        )
    return adds or usual


def _predict(run, folder, task):
    """Probabilities of an arm that evaluate.py does not judge, for compare.py."""
    from keras_derm.classifiers.training import stopped_by_data
    from keras_derm.jobs.evaluate import predict_split

    real = run.catalog.where(task.covers(run.catalog))
    for split in ("val", "test"):
        rows = real.split(split)
        with stopped_by_data(f"predicting {split} with {folder}"):
            predict_split(run, folder, split, rows, task, f"{folder}/predictions/")


def training_set(run, folder, adds, settings):
    """What an arm trains on.

    Args:
        run: `RunDirectory`.
        folder: Folder of the arm in the run.
        adds: nothing, synthetic or copies.
        settings: Settings of the arm.

    Returns:
        Tuple of the `Task` with the classes that are there, and of the tuple
        `(prepared, indices, targets, n_real)` that `train_member` takes: the
        `PreparedImages`, positions in them `(n,)`, their classes `(n,)` and how many
        of them, the first ones, are real photographs.
    """
    import numpy as np

    from keras_derm.catalog import get_task
    from keras_derm.pipeline import PreparedImages, write_copies

    real = run.catalog
    prepared = PreparedImages.load(run / "prepared/real")
    train = real.split("train")
    if adds == "synthetic" and run.synthetic_catalog is not None:
        train = train.concat(run.synthetic_catalog)
        prepared = prepared + PreparedImages.load(run / "prepared/synthetic")
    task = get_task(settings["task"])
    real = real.where(task.covers(real))
    present = task.present_in(real.split("train"))
    if len(present.classes) < 2:
        raise ValueError(
            f"the task {task.name} tells apart {', '.join(task.classes)}, and the real "
            "training images must be of two of these or more. Received: "
            f"{', '.join(present.classes) or 'none'}"
        )
    task = present
    train = train.where(task.covers(train))
    indices, targets = prepared.indices(train), task.targets(train)
    n_real = int((~train.table["synthetic"]).sum())
    if adds == "copies":
        chosen = settings["n_copies"], settings["seed"]
        copies = write_copies(prepared, indices, run / folder / "copies", *chosen)
        indices = np.append(indices, len(prepared) + np.arange(len(copies)))
        targets = np.append(targets, targets.repeat(settings["n_copies"]))
        prepared = prepared + copies
    return task, (prepared, indices, targets, n_real)


def _train_members(run, folder, adds, settings, workers):
    """Task, what `training_set` gives beside it, and the models."""
    import keras

    task, examples = training_set(run, folder, adds, settings)
    prepared, indices, targets, _ = examples
    if workers is not None:
        workers.check_same(
            {"images": _digest(prepared.ids[indices]), "targets": _digest(targets)}
        )
    models = []
    for i, member in enumerate(settings["members"]):
        before = settings["members"][:i]
        keras.backend.clear_session()
        print(f"{folder}: {member['backbone']}, {len(indices)} images", flush=True)
        if member.get("file"):
            models.append(_from_file(member["file"], task, run))
            continue
        number = sum(_network(other) == _network(member) for other in before)
        models.append(
            train_member(
                run, folder, member, number, settings, task, *examples, workers
            )
        )
    return task, examples, models


def _network(member):
    """What a member's folder is named after."""
    from keras_derm.classifiers import BACKBONES

    backbone = member["backbone"]
    side = member["image_size"] or BACKBONES[backbone].image_size
    return member.get("file"), backbone, side


def _digest(values):
    return short_digest("\n".join(map(str, values)).encode())


def _train_ensemble(run, folder, adds, settings, workers):
    from keras_derm.classifiers import build_ensemble, ensemble_weights
    from keras_derm.classifiers.training import stopped_by_data
    from keras_derm.files import atomic_path, write_json

    task, examples, models = _train_members(run, folder, adds, settings, workers)
    prepared, indices, _, n_real = examples
    weights = None
    if settings["ensemble_weights"] == "fitted":
        with stopped_by_data(f"fitting the weights of {folder}"):
            weights = _fitted_weights(models, run, task, prepared)
    side, symmetric = prepared.image_size[0], settings["symmetric"]
    ensemble = build_ensemble(models, side, weights, symmetric)
    with atomic_path(run / folder / "ensemble.keras") as temporary:
        ensemble.save(temporary)
    write_json(
        run / folder / "ensemble.json",
        {
            "classes": task.classes,
            "image_size": list(prepared.image_size),
            "preset": run.settings("prepare")["preset"],
            "members": [member["backbone"] for member in settings["members"]],
            "weights": ensemble_weights(ensemble),
            "n_real": n_real,
            "n_synthetic": len(indices) - n_real if adds == "synthetic" else 0,
            "n_copies": len(indices) - n_real if adds == "copies" else 0,
        },
    )
    return task


def remove_states(run, folder):
    """Remove what the trainings in a folder go on from, when they are finished."""
    from keras_derm.classifiers.training import STATE_NAME

    for state in (run / folder).glob(f"*/*{STATE_NAME}"):
        state.unlink()


def _from_file(path, task, run):
    """A trained member, held against what lies beside it."""
    from keras_derm.classifiers import load_classifier

    model = load_classifier(path)
    if model.output_shape[-1] != len(task.classes):
        raise ValueError(
            f"a member must tell apart the {len(task.classes)} classes of this task. "
            f"Received: {path} with {model.output_shape[-1]}"
        )
    folder = Path(path).resolve().parent
    for description in (folder / "ensemble.json", folder.parent / "ensemble.json"):
        if description.is_file():
            facts = json.loads(description.read_text())
            break
    else:
        print(f"no ensemble.json says which classes {path} tells apart: taken as these")
        return model
    if list(facts["classes"]) != list(task.classes):
        raise ValueError(
            f"a member must tell apart {', '.join(task.classes)}, in this order. "
            f"Received: {path} with {', '.join(facts['classes'])}"
        )
    preset = run.settings("prepare")["preset"]
    if facts.get("preset", preset) != preset:
        print(
            f"{path} was trained on images prepared as {facts['preset']}, and is given "
            f"images prepared as {preset}"
        )
    return model


def _validation(run, task, prepared, side, batch_size=32):
    """Validation images of one size beside their targets."""
    import keras

    from keras_derm.pipeline import image_dataset

    rows = run.catalog.split("val")
    rows = rows.where(task.covers(rows))
    return image_dataset(
        prepared,
        prepared.indices(rows),
        keras.utils.to_categorical(task.targets(rows), len(task.classes)),
        batch_size=batch_size,
        image_size=(side, side),
    )


def _fitted_weights(models, run, task, prepared):
    from keras_derm.classifiers import fit_ensemble_weights, predict_probabilities

    probabilities = [
        predict_probabilities(
            model, _validation(run, task, prepared, model.input_shape[1])
        )
        for model in models
    ]
    rows = run.catalog.split("val")
    targets = task.targets(rows.where(task.covers(rows)))
    return fit_ensemble_weights(targets, probabilities)


def train_member(
    run,
    folder,
    member,
    number,
    settings,
    task,
    prepared,
    indices,
    targets,
    n_real,
    workers=None,
):
    """Train one member.

    Args:
        run: `RunDirectory`.
        folder: Folder of the arm.
        member: Settings of the member.
        number: How many members before it are of the same network and size: it has a
            seed and a folder of its own.
        settings: Settings of the arm.
        task: `Task`.
        prepared: `PreparedImages`.
        indices: Positions of the training images in them, `(n,)`.
        targets: Their classes, `(n,)`.
        n_real: Number of real photographs among them: an epoch is as long.
        workers: `Workers` that train together, or None.

    Returns:
        The best model, without its optimizer.
    """
    import keras

    from keras_derm import classifiers
    from keras_derm.layers import augmentation
    from keras_derm.pipeline import image_dataset
    from keras_derm.precision import computing_in
    from keras_derm.runs import default_strategy

    seed, batch_size = settings["seed"] + number, settings["batch_size"]
    n_classes, imbalance = len(task.classes), settings["imbalance"]
    keras.utils.set_random_seed(seed)
    precision = member.get("precision") or "float32"
    alone = default_strategy().scope() if workers is None else contextlib.nullcontext()
    with alone, computing_in(precision):
        model = _untrained(member, settings, n_classes)
    side = model.input_shape[1]
    optimization = settings["optimization"]
    n_steps = max(1, n_real // batch_size)
    at_once = min(n_steps, optimization["steps_per_execution"])
    together = max(k for k in range(1, at_once + 1) if n_steps % k == 0)
    batches = {
        "batch_size": batch_size,
        "shuffle": True,
        "repeat": True,
        "seed": seed,
        "image_size": (side, side),
    }
    augmented = functools.partial(
        image_dataset,
        prepared,
        indices,
        classifiers.smoothed_targets(
            imbalance, targets, n_classes, settings["label_smoothing"]
        ),
        classifiers.sample_weights(imbalance, targets, n_classes),
        **batches,
        balance_by=targets if imbalance == "balanced_sampling" else None,
        augmentation=augmentation(
            settings["preset"], seed, settings["augmentation_strength"]
        ),
        share=(0, 1) if workers is None else workers.share(batch_size),
    )
    return classifiers.train_classifier(
        model,
        lambda n_batches: augmented(first_batch=n_batches),
        _validation(run, task, prepared, side, batch_size),
        run / folder / (f"{model.name}_{number + 1}" if number else model.name),
        epochs=member["epochs"],
        steps_per_epoch=n_steps,
        learning_rate=member["learning_rate"],
        weight_decay=settings["weight_decay"],
        loss=classifiers.classification_loss(
            imbalance,
            targets,
            n_classes,
            focal_gamma=settings["focal_gamma"],
            focal_alpha=settings["focal_alpha"],
            positive_class=task.positive_class,
        ),
        **optimization | {"steps_per_execution": together},
        unaugmented=image_dataset(prepared, indices[: n_real or None], **batches),
        workers=workers,
    )


def _untrained(member, settings, n_classes):
    """Classifier of a member as its training begins with it."""
    from keras_derm import classifiers

    backbone = member["backbone"]
    model = classifiers.build_classifier(
        backbone,
        n_classes,
        member["image_size"],
        weights=settings["weights"].get(backbone),
        dropout=settings["dropout"],
        hidden_units=settings["hidden_units"],
        batch_norm_momentum=settings["batch_norm_momentum"],
    )
    if settings["gradient_checkpointing"]:
        model = classifiers.checkpoint_gradients(model)
    if member["frozen_until"] and backbone in settings["weights"]:
        classifiers.freeze(model, member["frozen_until"])
    return model
