"""Train the members of an ensemble on real, or real and added, images."""

import dataclasses
from pathlib import Path

import keras

from keras_derm.catalog import get_task
from keras_derm.classifiers import (
    build_ensemble,
    check_weights,
    ensemble_weights,
    fit_ensemble_weights,
    member_numbers,
    models_of,
    predict_probabilities,
    preprocessing_speeds,
    read_member,
    remove_states,
    train_member,
    training_examples,
    untrained_member,
)
from keras_derm.evaluation import predictions_to_csv
from keras_derm.files import (
    atomic_path,
    short_digest,
    write_json,
)
from keras_derm.jobs.multi_worker_stage import MultiWorkerStage
from keras_derm.jobs.precisions import measured_precision
from keras_derm.jobs.preprocessing import measured_place
from keras_derm.pipeline import PreparedImages, image_dataset
from keras_derm.settings import PrepareDatasetSettings, TrainClassifierSettings


class TrainClassifier(MultiWorkerStage):
    """Train the classifiers of one arm, average them, and have them predict.

    Example:
        >>> run_stage("train_classifier", "runs/first", arm="baseline")
    """

    Settings = TrainClassifierSettings

    def __init__(self, run, settings):
        super().__init__(run, settings)
        self.folder = self.run.arm(settings.arm)
        self.writes = (f"arms/{settings.arm}",)
        self.keeps = tuple(
            f"arms/{settings.arm}/{name}"
            for name in ("ensemble.keras", "ensemble.json", "predictions/*.csv")
        )

    @property
    def after(self):
        added = ("synthesize",) if self.settings.added == "synthetic" else ()
        return ("prepare_dataset", *added)

    def check(self):
        members = tuple(pinned(member) for member in self.settings.members)
        self.settings = dataclasses.replace(self.settings, members=members)
        check_member_weights(self.run, self.settings)
        if self.run.done("prepare_dataset"):  # else the stage says so, unmeasured
            train = self.run.catalog.split("train")
            get_task(self.settings.task).learnable_from(train)
            self.settings = with_precisions(self.run, self.settings)
        if self.workers is not None:
            self.workers.check_same(self.settings.to_dict())

    def make(self):
        examples, models = self._train(self.folder)
        ensemble = self._average(examples, models)
        predict_arm(self.run, self.folder, ensemble, examples.task)
        remove_states(self.folder)

    def _train(self, folder):
        """`Examples` of the arm, and its trained members."""
        settings, run = self.settings, self.run
        examples = arm_examples(run, folder, settings)
        if self.workers is not None:
            ids = examples.prepared.ids[examples.indices]
            self.workers.check_same(
                {"images": _digest(ids), "targets": _digest(examples.targets)}
            )
        preset = run.settings(PrepareDatasetSettings).preset
        models = []
        numbers = member_numbers(settings.members)
        for member, number in zip(settings.members, numbers, strict=True):
            keras.backend.clear_session()
            learner = f"{settings.arm}: {member.described}"
            print(f"{learner}, {len(examples)} images", flush=True)
            models.append(
                read_member(member.file, examples.task, preset)
                if member.file
                else train_member(
                    member,
                    self._placed(member, examples),
                    examples,
                    folder,
                    number,
                    self.workers,
                )
            )
        return examples, models

    def _placed(self, member, examples):
        """Settings that say where the images of a member are augmented."""
        settings = self.settings
        unmeasured = self.workers is not None or member.linear_probe
        if unmeasured and settings.preprocess_on == "auto":
            return dataclasses.replace(settings, preprocess_on="cpu")
        known_by = {
            **network_of(member, settings),
            "stage": settings.stage,
            "precision": member.precision,
            "preset": settings.preset,
            "augmentation_strength": settings.augmentation_strength,
        }
        place = measured_place(
            self.run,
            settings.preprocess_on,
            f"augmenting for {member.backbone}",
            known_by,
            lambda: preprocessing_speeds(member, settings, examples),
        )
        return dataclasses.replace(settings, preprocess_on=place)

    def _average(self, examples, models):
        """Write the ensemble, and what is to be known of it."""
        settings, prepared = self.settings, examples.prepared
        weights, side = self._weights(examples, models), prepared.image_size[0]
        ensemble = build_ensemble(models, side, weights, settings.n_views)
        with atomic_path(self.folder / "ensemble.keras") as temporary:
            ensemble.save(temporary)
        n_added = len(examples) - examples.n_real
        prepared_by = self.run.settings(PrepareDatasetSettings)
        write_json(
            self.folder / "ensemble.json",
            {
                "classes": examples.task.classes,
                "image_size": list(prepared.image_size),
                "preset": prepared_by.preset,
                "crop_margin": prepared_by.margin,
                "members": [member.described for member in settings.members],
                "weights": ensemble_weights(ensemble),
                "n_real": examples.n_real,
                "n_synthetic": n_added if settings.added == "synthetic" else 0,
                "n_copies": n_added if settings.added == "copies" else 0,
            },
        )
        return ensemble

    def _weights(self, examples, models):
        """Weight of each member, with the sum 1, or None for the same."""
        weights = self.settings.ensemble_weights
        if weights == "equal":
            return None
        if weights != "fitted":
            return [weight / sum(weights) for weight in weights]
        said = [
            predict_probabilities(
                model,
                examples.validation(model.input_shape[1]),
                f"fitting the weights of {self.settings.arm}",
            )
            for model in models
        ]
        return fit_ensemble_weights(examples.val_targets, said)


def arm_examples(run, folder, settings):
    """What an arm of a run learns from.

    Args:
        run: `RunDirectory` with prepared images.
        folder: Folder of the arm, for copies.
        settings: `TrainClassifierSettings`.

    Returns:
        `Examples`.
    """
    prepared, synthetic = PreparedImages.load(run.prepared_real), None
    if settings.added == "synthetic" and run.synthetic_catalog is not None:
        synthetic = run.synthetic_catalog
        prepared = prepared + PreparedImages.load(run.prepared_synthetic)
    task = get_task(settings.task)
    examples = training_examples(run.catalog, prepared, task, synthetic)
    if settings.added == "copies":
        copies = Path(folder) / "copies"
        return examples.with_copies(
            copies, settings.n_copies, settings.seed, settings.copies
        )
    return examples


def predict_arm(run, folder, ensemble, task):
    """Write what an ensemble and its members say of val and test.

    Args:
        run: `RunDirectory` with prepared images.
        folder: Folder of the arm; the csv files lie in its `predictions`.
        ensemble: The ensemble.
        task: `Task` whose classes it tells apart.
    """
    prepared = PreparedImages.load(run.prepared_real)
    real = run.catalog.where(task.covers(run.catalog))
    for split in ("val", "test"):
        rows = real.split(split)
        for name, model in models_of(ensemble).items():
            dataset = image_dataset(
                prepared, prepared.indices(rows), image_size=model.input_shape[1:3]
            )
            predictions_to_csv(
                Path(folder) / f"predictions/{name}_{split}.csv",
                rows,
                predict_probabilities(model, dataset, f"predicting {split}"),
                task.classes,
            )


def check_member_weights(run, settings):
    """Refuse an arm that is to be trained from weights that cannot be had.

    Args:
        run: `RunDirectory`; an arm that it has from the same weights needs none any
            more.
        settings: `TrainClassifierSettings`.

    Raises:
        ValueError, ImportError, FileNotFoundError: As `check_weights`.
    """
    weights = settings.weights or {}
    if run.done(settings.record):
        trained = run.settings(TrainClassifierSettings, settings.arm)
        if (trained.weights or {}) == weights:
            return
    for member in settings.members:
        if not member.file:
            check_weights(member.backbone, weights.get(member.backbone))


def pinned(member):
    """Settings of a member, of a file with the digest of what it holds.

    Args:
        member: `MemberSettings`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not the file that was recorded.
    """
    if member.file is None:
        return member
    if not Path(member.file).is_file():
        raise FileNotFoundError(f"no trained classifier. Received: {member.file}")
    digest = short_digest(Path(member.file).read_bytes())
    if member.digest not in (None, digest):
        raise ValueError(
            f"{member.file} is not the file that was recorded, whose digest is "
            f"{member.digest}. Received: {digest}"
        )
    return dataclasses.replace(member, digest=digest)


def with_precisions(run, settings):
    """Settings of an arm in which each member's precision is decided.

    Args:
        run: `RunDirectory`.
        settings: `TrainClassifierSettings`.
    """
    members = []
    for member in settings.members:
        chosen, compiled = member.precision or settings.precision, member.jit_compile
        if chosen == "auto" and not member.file:
            chosen, measured = member_precision(run, member, settings)
            compiled = measured if compiled is None else compiled
        usual = member.file or chosen == "float32"
        chosen = None if usual else chosen
        members.append(
            dataclasses.replace(member, precision=chosen, jit_compile=compiled)
        )
    return dataclasses.replace(settings, members=tuple(members), precision="float32")


def member_precision(run, member, settings):
    """What `measured_precision` says of a member in this run, now or earlier."""
    n_classes = len(get_task(settings.task).classes)
    return measured_precision(
        run,
        member.backbone,
        network_of(member, settings),
        lambda: untrained_member(member, settings, n_classes),
        settings.batch_size,
        with_xla=True,
    )


def network_of(member, settings):
    """Dict of what a member's speed depends on."""
    return {
        "backbone": member.backbone,
        "image_size": member.image_size,
        "frozen_until": member.frozen_until,
        "pooled_layers": list(member.pooled_layers or ()),
        "batch_size": settings.batch_size,
        "gradient_checkpointing": settings.gradient_checkpointing,
    }


def _digest(values):
    return short_digest("\n".join(map(str, values)).encode())
