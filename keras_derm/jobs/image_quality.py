"""How far the synthetic images are from real ones."""

import numpy as np

from keras_derm.catalog import read_image
from keras_derm.evaluation.image_quality import origin_probe
from keras_derm.evaluation.image_quality.feature_extractor import feature_extractor
from keras_derm.evaluation.image_quality.synthetic_quality import (
    draw_alike,
    judge_synthetic_images,
)
from keras_derm.files import write_csv, write_json
from keras_derm.pipeline import PreparedImages, resized_images
from keras_derm.runs import Stage
from keras_derm.settings import ImageQualitySettings, TrainGeneratorSettings


class ImageQuality(Stage):
    """Judge the synthetic images that were kept against real ones held out.

    Example:
        >>> run_stage("image_quality", "runs/first", feature_weights="imagenet")
    """

    Settings = ImageQualitySettings
    after = ("prepare_dataset", "synthesize")
    writes = ("image_quality.csv", "memorisation.json", "origin_probe.csv")
    keeps = writes

    def make(self):
        made = self.run.synthetic_catalog
        if made is None:
            print("no synthetic image was kept: nothing to judge")
            return
        probe = self._probe(made)
        if probe is not None:
            write_csv(self.run / "origin_probe.csv", probe)
            print(probe.round(3).to_string(index=False))
        if self.settings.feature_weights is None:
            print("no --feature_weights: images are not compared as features")
            return
        table, memory = self._compare(made)
        write_csv(self.run / "image_quality.csv", table)
        write_json(self.run / "memorisation.json", memory)
        leading = table[table["metric"].str.startswith(("kernel distance", "KID"))]
        print(leading.round(4).to_string(index=False))

    def _probe(self, made):
        """Traces that tell origin, in images as the classifiers are given them."""
        train, seed = self.run.catalog.split("train"), self.settings.seed
        rows = draw_alike(train.table["diagnosis"], made.table["diagnosis"], seed)
        least = origin_probe.LEAST_IMAGES
        if min(len(rows), len(made)) < least:
            print(f"fewer than {least} synthetic images: traces are not looked for")
            return None
        real = PreparedImages.load(self.run.prepared_real)
        synthetic = PreparedImages.load(self.run.prepared_synthetic)
        return origin_probe.probe_origin(
            real.take(real.indices(train)[np.sort(rows)]),
            synthetic.take(synthetic.indices(made)),
            seed,
        )

    def _compare(self, made):
        """Table of all sets against held-out images, and what was learned by heart."""
        prepared = PreparedImages.load(self.run.prepared_real)
        side = self.run.settings(TrainGeneratorSettings).image_size
        real = {
            "training": self.run.catalog.split("train"),
            "held out": self.run.catalog.where(split=["val", "test"]),
        }
        images = {
            name: resized_images(prepared, part, side)(np.arange(len(part)))
            for name, part in real.items()
        }
        images["synthetic"] = np.stack([read_image(path) for path in made.paths])
        diagnoses = {
            name: part.table["diagnosis"]
            for name, part in {**real, "synthetic": made}.items()
        }
        extractor = feature_extractor(self.settings.feature_weights)
        return judge_synthetic_images(images, diagnoses, extractor, self.settings.seed)
