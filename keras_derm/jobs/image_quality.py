"""How far the synthetic images are from real ones."""

import functools

import cv2
import numpy as np
import pandas as pd

from keras_derm.catalog import read_image, read_mask
from keras_derm.cluster.work import work_on_each
from keras_derm.evaluation.image_quality import origin_probe
from keras_derm.evaluation.image_quality.feature_extractor import feature_extractor
from keras_derm.evaluation.image_quality.synthetic_quality import (
    draw_alike,
    judge_synthetic_images,
)
from keras_derm.evaluation.overlap_scores import overlap_scores
from keras_derm.files import write_csv, write_json
from keras_derm.lesion_finders import shipped_finder
from keras_derm.pipeline import PreparedImages, resized_images
from keras_derm.runs import Stage
from keras_derm.settings import ImageQualitySettings, TrainGeneratorSettings

N_OUTLINED = 200


class ImageQuality(Stage):
    """Judge the synthetic images that were kept against real ones held out.

    Example:
        >>> run_stage("image_quality", "runs/first", feature_weights="imagenet")
    """

    Settings = ImageQualitySettings
    after = ("prepare_dataset", "synthesize")
    writes = (
        "image_quality.csv",
        "memorisation.json",
        "origin_probe.csv",
        "mask_agreement.csv",
    )
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
        if made.table["mask_path"].notna().any():
            agreement = self._agreement(made)
            write_csv(self.run / "mask_agreement.csv", agreement)
            print(agreement.round(3).to_string(index=False))
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

    def _agreement(self, made):
        """Whether the lesion lies where it was asked for: beside photographs.

        The outlines of the finder are held against the masks that images were made
        with, and against those of photographs held out, at the size of the made ones.
        """
        finder = shipped_finder()
        sides = (self.run.settings(TrainGeneratorSettings).image_size,) * 2
        rows = []
        for name, catalog in (
            ("made", made),
            ("held out", self.run.catalog.where(split=["val", "test"])),
        ):
            catalog = catalog.where(catalog.table["mask_path"].notna().to_numpy(bool))
            order = np.random.default_rng(self.settings.seed).permutation(len(catalog))
            paths, mask_paths = catalog.paths, catalog.mask_paths
            files = [(paths[i], mask_paths[i]) for i in order[:N_OUTLINED]]
            dice = functools.partial(_dice, finder, sides)
            scores = list(work_on_each(dice, files, f"Outlines, {name}"))
            if scores:
                rows.append((name, len(scores), np.mean(scores), np.median(scores)))
        columns = ["images", "n", "mean Dice", "median Dice"]
        return pd.DataFrame(rows, columns=columns)

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
        images["synthetic"] = np.stack(
            list(work_on_each(read_image, made.paths, "Reading images"))
        )
        diagnoses = {
            name: part.table["diagnosis"]
            for name, part in {**real, "synthetic": made}.items()
        }
        extractor = feature_extractor(self.settings.feature_weights)
        return judge_synthetic_images(images, diagnoses, extractor, self.settings.seed)


def _dice(finder, sides, file):
    """Overlap of the mask of a photograph with what a finder sees, at one size."""
    path, mask_path = file
    image = cv2.resize(read_image(path), sides, interpolation=cv2.INTER_AREA)
    mask = read_mask(mask_path, path).astype("uint8")
    mask = cv2.resize(mask, sides, interpolation=cv2.INTER_AREA) > 0
    return overlap_scores(mask, finder.find(image).mask)["dice"]
