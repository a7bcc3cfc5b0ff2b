"""Train a network that estimates a person's skin tone."""

import dataclasses

import keras
import numpy as np

from keras_derm.catalog import (
    SKIN_TONE_SCALES,
    apply_split_file,
    darkness,
    split_catalog,
)
from keras_derm.classifiers import (
    build_tone_network,
    fit_cuts,
    label_weights,
    tone_objective,
    with_units,
)
from keras_derm.evaluation import ToneTruth, tone_scores, weighted_kappa
from keras_derm.export import export_tflite
from keras_derm.files import atomic_path, write_csv, write_json
from keras_derm.layers import resize, tone_augmentation
from keras_derm.pipeline import image_dataset, prepare
from keras_derm.readers import read_data_source
from keras_derm.report.tone_card import worth, write_tone_card
from keras_derm.runs import Stage
from keras_derm.settings import OptimizationSettings, TrainSkinToneSettings
from keras_derm.skin_tone import (
    ToneCalibration,
    ToneNetwork,
    colours_of_twins,
    estimate,
)
from keras_derm.training import default_strategy, fit, predict

BACKBONE = "MobileNetV2"
LEAST_PHOTOGRAPHS = 100


class TrainSkinTone(Stage):
    """Train a network that estimates a person's skin tone.

    Example:
        >>> run_stage("train_skin_tone", "runs/tone", data="milk10k:/data/milk10k")
    """

    Settings = TrainSkinToneSettings
    writes = ("skin_tone",)

    def check(self):
        self.settings = self.settings.complete()

    def inputs(self):
        split = self.settings.split_file
        return [] if split is None else [split]

    @property
    def file(self):
        """The .tflite that is made."""
        kind = self.settings.image_type.removesuffix(": close-up")
        return self.run / f"skin_tone/skin_tone_{kind}.tflite"

    def make(self):
        everything = self._labelled()
        catalog = everything.where(image_type=self.settings.image_type)
        scale = catalog.table["skin_tone_scale"].iloc[0]
        self._train_and_export(everything, catalog, scale)

    def _labelled(self):
        """Split catalog of the labelled photographs, of one scale, of all types."""
        settings = self.settings
        catalog = read_data_source(settings.data, settings.skip_bad)
        table = catalog.table
        own = table["skin_tone_label"].notna() & table["image_type"].eq(
            settings.image_type
        ).fillna(False)
        counts = table.loc[own, "skin_tone_scale"].value_counts()
        if len(counts) != 1 or counts.iloc[0] < LEAST_PHOTOGRAPHS:
            raise ValueError(
                f"a tone network needs {LEAST_PHOTOGRAPHS} photographs or more of the "
                f"type {settings.image_type} with labels of one scale. "
                f"Received: {counts.to_dict() or 'none'} in "
                f"{', '.join(settings.sources)}"
            )
        kept = table["skin_tone_scale"].eq(counts.index[0]).fillna(False)
        catalog = catalog.where(kept.to_numpy(bool))
        if settings.split_file is not None:
            return apply_split_file(catalog, settings.split_file)
        return split_catalog(
            catalog, settings.fractions, settings.seed, by="skin_tone_label"
        )

    def _train_and_export(self, everything, catalog, scale):
        settings, folder = self.settings, self.run / "skin_tone"
        parts = {name: catalog.split(name) for name in ("train", "val", "test")}
        ranks = {
            name: np.array(darkness(part.table["skin_tone_label"], scale))
            for name, part in parts.items()
        }
        prepared = prepare(catalog, resize(settings.image_size), folder / "prepared")
        targets, mean, deviation = self._targets(everything, parts, ranks)
        trained = self._fit(prepared, parts, ranks, targets, scale)
        network = with_units(trained, mean, deviation)
        val = image_dataset(prepared, prepared.indices(parts["val"]), batch_size=64)
        values = predict(network, val)[:, 0].astype("float64")
        described = self._export(network, everything, scale, ranks, values, parts)
        self._judge(parts["test"], scale, described)

    def _targets(self, everything, parts, ranks):
        """Standardised targets of train and val, and the units of the tone."""
        mean, deviation = ranks["train"].mean(), ranks["train"].std()
        columns = {n: [(r - mean) / deviation] for n, r in ranks.items()}
        if self.settings.image_type == "dermoscopic":
            colours = colours_of_twins(everything, parts)
            for name in ("train", "val"):
                columns[name] += list(colours[name])
        return (
            {
                name: np.stack(columns[name], axis=1).astype("float32")
                for name in ("train", "val")
            },
            float(mean),
            float(deviation),
        )

    def _fit(self, prepared, parts, ranks, targets, scale):
        settings = self.settings
        keras.utils.set_random_seed(settings.seed)
        with default_strategy().scope():
            model = build_tone_network(
                BACKBONE,
                settings.image_size,
                targets["train"].shape[1],
                settings.weights,
                settings.depth,
                settings.dropout,
            )
        order = {
            "batch_size": settings.batch_size,
            "shuffle": True,
            "repeat": True,
            "seed": settings.seed,
        }
        indices = prepared.indices(parts["train"])
        train = image_dataset(
            prepared,
            indices,
            targets["train"],
            label_weights(ranks["train"]),
            **order,
            augmentation=tone_augmentation(
                settings.image_type, settings.seed, settings.augmentation_strength
            ),
        )
        validation = image_dataset(
            prepared, prepared.indices(parts["val"]), targets["val"], batch_size=64
        )
        groups = parts["val"].table["tone_group"]
        return fit(
            model,
            train,
            validation,
            self.run / "skin_tone/training",
            tone_objective(
                (groups == "dark").to_numpy(bool), (groups == "light").to_numpy(bool)
            ),
            OptimizationSettings(ema_momentum=settings.ema_momentum),
            epochs=settings.epochs,
            steps_per_epoch=max(1, len(indices) // settings.batch_size),
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            unaugmented=image_dataset(prepared, indices, **order),
        )

    def _export(self, network, everything, scale, ranks, values, parts):
        """Write the .tflite and the .json beside it; give what the .json says."""
        settings, file = self.settings, self.file
        words = list(SKIN_TONE_SCALES[scale])
        with atomic_path(file.with_suffix(".keras")) as temporary:
            network.save(temporary)
        written = export_tflite(network, file, mode="float16", classes=["tone"])
        archive = parts["train"].table["source"].iloc[0]
        labels = parts["val"].table["skin_tone_label"]
        calibration = ToneCalibration.fit(values, labels, scale, f"{archive}, val")
        split = file.with_name(f"{file.stem}_split.csv")
        write_csv(split, everything.table[["isic_id", "split"]])
        described = written | {
            "image_types": [settings.image_type],
            "image_size": settings.image_size,
            "source": archive,
            "rater": parts["train"].table["skin_tone_rater"].iloc[0],
            "labels": words,
            "calibration": dataclasses.asdict(calibration),
            "cuts": fit_cuts(ranks["val"], values, len(words), weighted_kappa),
            "split_file": split.name,
            "n_train": len(parts["train"]),
            "depth": settings.depth,
        }
        write_json(file.with_suffix(".json"), described)
        return described

    def _judge(self, test, scale, described):
        """Judge the file itself on the photographs of test, and write its card."""
        network = ToneNetwork.load(self.file)
        found = estimate(test, [network])[network.name]
        table = test.table
        truth = ToneTruth(
            table["skin_tone_label"].to_numpy(object),
            scale,
            table["lesion_id"].fillna(table["isic_id"]).to_numpy(object),
        )
        scores = tone_scores(
            truth, found, self.settings.n_replicates, self.settings.seed
        )
        write_csv(self.run / "skin_tone/scores.csv", scores)
        described |= {
            "scores": scores.drop(columns="reason").to_dict("records"),
            "worth": worth(scores, described),
        }
        write_json(self.file.with_suffix(".json"), described)
        write_tone_card(self.file.with_suffix(".md"), described, scores, table)
        print(scores.round(3).to_string(index=False))
        print(f"{self.file}: {described['size_bytes'] / 1e6:.1f} MB")
