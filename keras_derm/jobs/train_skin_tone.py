"""Train a network that estimates a person's skin tone."""

import dataclasses

from keras_derm.catalog import apply_split_file, split_catalog
from keras_derm.classifiers import ToneExamples, fit_cuts, train_tone_network
from keras_derm.classifiers.tone_examples import HELD_OUT
from keras_derm.evaluation import ToneTruth, tone_scores, weighted_kappa
from keras_derm.export import export_tflite
from keras_derm.files import atomic_path, write_csv, write_json
from keras_derm.readers import read_data_source
from keras_derm.report.tone_card import worth, write_tone_card
from keras_derm.runs import Stage
from keras_derm.settings import TrainSkinToneSettings
from keras_derm.skin_tone import ToneCalibration, ToneNetwork, estimate

LEAST_PHOTOGRAPHS = 100
LEAST_HELD_OUT = 30


class TrainSkinTone(Stage):
    """Train a network that estimates a person's skin tone.

    Example:
        >>> run_stage("train_skin_tone", "runs/tone", data="milk10k:/data/milk10k")
    """

    Settings = TrainSkinToneSettings
    writes = ("skin_tone",)
    keeps = ("skin_tone/*.tflite", "skin_tone/*.keras")
    extends = ("refit",)

    def check(self):
        self.settings = self.settings.complete()

    def inputs(self):
        split = self.settings.split_file
        return [] if split is None else [split]

    def make(self):
        settings, folder = self.settings, self.run / "skin_tone"
        everything = self._labelled()
        examples = ToneExamples.of(
            everything, settings.image_type, settings.image_size, folder / "prepared"
        )
        network = train_tone_network(examples, settings, folder / "training")
        place = folder / "held_out" if settings.refit else folder
        judged = self._export(network, everything, examples, place, ("val",))
        self._judge(place / self.file_name, examples, judged)
        if settings.refit:
            self._refit(network, everything, examples, judged)

    @property
    def file_name(self):
        """Name of the .tflite that is made."""
        kind = self.settings.image_type.removesuffix(": close-up")
        return f"skin_tone_{kind}.tflite"

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
                f"Received: {counts.to_dict() or 'none'} in {settings.data}"
            )
        kept = table["skin_tone_scale"].eq(counts.index[0]).fillna(False)
        catalog = catalog.where(kept.to_numpy(bool))
        if settings.split_file is not None:
            catalog = apply_split_file(catalog, settings.split_file)
        else:
            catalog = split_catalog(
                catalog, settings.fractions, settings.seed, by="skin_tone_label"
            )
        parts = catalog.where(image_type=settings.image_type).table["split"]
        counts = parts.value_counts()
        few = [part for part in HELD_OUT if counts.get(part, 0) < LEAST_HELD_OUT]
        if few:
            raise ValueError(
                f"val, which calibrates, and test, which judges, need {LEAST_HELD_OUT} "
                f"photographs each: change `fractions`. Received: {counts.to_dict()}"
            )
        return catalog

    def _refit(self, first, everything, examples, judged):
        """Train once more on all photographs; what was held out calibrates it."""
        folder = self.run / "skin_tone"
        held_out = examples.rows(*HELD_OUT)
        network = train_tone_network(
            examples.all_in_train(), self.settings, folder / "refit", held_out
        )
        described = self._export(
            network,
            everything.with_columns(split="train"),
            examples,
            folder,
            HELD_OUT,
            first,
        )
        kept = {name: judged[name] for name in ("scores", "worth")}
        described |= kept | {"n_train": len(examples.catalog), "refit": True}
        file = folder / self.file_name
        write_json(file.with_suffix(".json"), described)
        write_tone_card(file.with_suffix(".md"), described, judged["test"])

    def _export(self, network, everything, examples, folder, calibrated_on, by=None):
        """Write a network as .tflite, and the .json beside it; give what that says.

        It is calibrated by what `by`, which has not seen them, gives the photographs of
        `calibrated_on`.
        """
        settings, file = self.settings, folder / self.file_name
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(file.with_suffix(".keras")) as temporary:
            network.save(temporary)
        written = export_tflite(network, file, mode="float16", classes=["tone"])
        rows = examples.rows(*calibrated_on)
        values = examples.values(by or network, rows)
        table = examples.catalog.table
        archive = table["source"].iloc[0]
        calibration = ToneCalibration.fit(
            values,
            table["skin_tone_label"].to_numpy(object)[rows],
            examples.scale,
            f"{len(rows):,} photographs of {archive}, held out of training",
        )
        split = file.with_name(f"{file.stem}_split.csv")
        write_csv(split, everything.table[["isic_id", "split"]])
        n_labels = len(examples.labels)
        described = written | {
            "image_types": [settings.image_type],
            "image_size": settings.image_size,
            "source": archive,
            "rater": table["skin_tone_rater"].fillna("not given").iloc[0],
            "labels": examples.labels,
            "calibration": dataclasses.asdict(calibration),
            "cuts": fit_cuts(examples.ranks[rows], values, n_labels, weighted_kappa),
            "split_file": split.name,
            "n_train": len(examples.rows("train")),
            "depth": settings.depth,
        }
        write_json(file.with_suffix(".json"), described)
        return described

    def _judge(self, file, examples, described):
        """Judge the file itself on the photographs of test, and write its card."""
        network = ToneNetwork.load(file)
        test = examples.catalog.split("test")
        found = estimate(test, [network])[network.name]
        table = test.table
        truth = ToneTruth.of(table, examples.scale)
        settings = self.settings
        scores = tone_scores(truth, found, settings.n_replicates, settings.seed)
        write_csv(self.run / "skin_tone/scores.csv", scores)
        described |= {"scores": scores.drop(columns="reason").to_dict("records")}
        described |= {"worth": worth(described)}
        write_json(file.with_suffix(".json"), described)
        described["test"] = {
            "n": len(test),
            "groups": table["tone_group"].value_counts().to_dict(),
            "licence": ", ".join(table["copyright_license"].dropna().unique()),
        }
        write_tone_card(file.with_suffix(".md"), described, described["test"])
        print(scores.round(3).to_string(index=False))
        print(f"{file}: {described['size_bytes'] / 1e6:.1f} MB")
