"""Train the segmenter of one arm, and write it for LiteRT."""

import dataclasses

import numpy as np
import pandas as pd
from rich.progress import track

from keras_derm.catalog import Catalog, read_image
from keras_derm.evaluation import overlap_frame
from keras_derm.export import export_tflite
from keras_derm.files import atomic_path, write_csv, write_json
from keras_derm.lesion_finders import NetworkFinder
from keras_derm.phantom import render
from keras_derm.photographs import read_mask
from keras_derm.pipeline import image_preparation
from keras_derm.runs import Stage
from keras_derm.segmentation import (
    ModelFinder,
    SegmentationExamples,
    as_squares,
    calibrate_border,
    made_masks,
    train_segmenter,
    with_outline,
)
from keras_derm.settings import ARMS, PrepareDatasetSettings, TrainSegmenterSettings

FILE_NAME = "lesion_outline_dermoscopic.tflite"
SPLIT_NAME = FILE_NAME.replace(".tflite", "_split.csv")
PHANTOM_SEED = 101
N_REPRESENTATIVE = 200
N_GATED = 300
MODES = ("int8", "selective", "float16")
"""In the order in which they are tried, until one keeps the Dice."""

UNSURE_SHARE = 0.1
"""Share of the outlines of val, those of most entropy, from which one is unsure."""


class TrainSegmenter(Stage):
    """Train the segmenter of one arm, calibrate it, and write it for LiteRT.

    Example:
        >>> run_stage("train_segmenter", "runs/first", network="fcn")
    """

    Settings = TrainSegmenterSettings

    def __init__(self, run, settings):
        super().__init__(run, settings)
        self.folder = self.run.segmenter(settings.arm)
        self.writes = (f"segmenters/{settings.arm}",)

    @property
    def after(self):
        if self.settings.added != "synthetic":
            return ("prepare_dataset",)
        return ("prepare_dataset", "synthesize")

    def check(self):
        self.settings = self.settings.complete()

    def make(self):
        settings = self.settings
        examples = self._examples()
        print(
            f"{settings.arm}: {settings.network}, {examples.n_real:,} photographs and "
            f"{len(examples.rows('train')) - examples.n_real:,} made images",
            flush=True,
        )
        model = train_segmenter(examples, settings, self.folder / "training")
        calibration = calibrate_border(model, examples, settings.seed)
        for name, kept in (("model", model), ("outline", with_outline(model))):
            with atomic_path(self.folder / f"{name}.keras") as temporary:
                kept.save(temporary)
        self._export(model, examples, calibration)

    def _examples(self):
        """Photographs with masks of train and val, and what is added to them."""
        settings, run = self.settings, self.run
        name = "_".join(filter(None, ["lesions", settings.preset]))
        examples = SegmentationExamples.of(
            run.catalog.where(split=["train", "val"]),
            settings.image_size,
            run / f"prepared/{name}_{settings.image_size}",
            settings.preset,
        )
        if settings.n_photographs is not None:
            examples = examples.drawn(settings.n_photographs, settings.seed)
        if settings.n_phantoms:
            phantoms = render(
                settings.n_phantoms,
                PHANTOM_SEED,
                max(64, settings.image_size),
                tone_frequencies="balanced",
            )
            table = phantoms.table.assign(synthetic=True, split="train")
            phantoms = self._made(Catalog(table), "phantoms", settings.preset)
            examples = examples + phantoms
        if settings.added == "synthetic" and run.synthetic_catalog is not None:
            examples = examples + self._made(self._with_masks(), "synthetic")
        return examples

    def _made(self, catalog, name, preset=None):
        """Examples of made images, all of which have a mask and are in train."""
        side, folder = self.settings.image_size, self.folder / name
        return SegmentationExamples.in_squares(catalog, side, folder, preset)

    def _with_masks(self):
        """Catalog of the synthetic images, each with a mask and where that is from."""
        run, made = self.run, self.run.synthetic_catalog
        needed = made.table["mask_path"].isna() & made.table["parent_id"].isna()
        if needed.any() and ARMS[0] not in run.segmenters:
            raise FileNotFoundError(
                f"{needed.sum():,} synthetic images have no mask, and that of the "
                f"{ARMS[0]} segmenter is to be taken: train it first "
                f"(apps/train_segmenter.py --arm {ARMS[0]})"
            )
        finder = NetworkFinder.load(run.segmenter(ARMS[0]) / FILE_NAME)
        prepared = run.settings(PrepareDatasetSettings)
        catalog = made_masks(
            made, run.catalog, finder, self.folder / "synthetic_masks", prepared
        )
        catalog.save(self.folder / "synthetic.csv")
        counts = catalog.table["mask_source"].value_counts()
        told = ", ".join(f"{n:,} {name}" for name, n in counts.items())
        print(f"masks of the synthetic images: {told}")
        return catalog

    def _export(self, model, examples, calibration):
        """Write the .tflite: in int8 unless that costs too much Dice."""
        settings, file = self.settings, self.folder / FILE_NAME
        train = np.random.default_rng(settings.seed).permutation(examples.rows("train"))
        indices = examples.prepared.indices(examples.catalog)[train[:N_REPRESENTATIVE]]
        images = examples.prepared.take(indices).astype("float32")
        val = self._validation()
        square = shown_square(settings.image_size, settings.preset)
        float_dice, _ = _judged(ModelFinder(settings.network, model, square), val)
        for mode in MODES:
            written = export_tflite(model, file, images, mode, classes=["lesion"])
            written |= {"image_size": settings.image_size}
            write_json(file.with_suffix(".json"), written)
            finder = dataclasses.replace(NetworkFinder.load(file), square=square)
            dice, entropies = _judged(finder, val)
            print(f"{mode}: Dice {dice:.4f} on val, in float {float_dice:.4f}")
            if float_dice - dice <= settings.most_dice_lost:
                break
        sizes = {"train": len(examples.rows("train")), "real": examples.n_real}
        described = written | {
            "image_types": sorted(
                examples.catalog.table["image_type"].dropna().unique()
            ),
            "network": settings.network,
            "preset": settings.preset,
            "arm": settings.arm,
            "calibration": calibration,
            "dice_on_val": {"float": float_dice, written["mode"]: dice},
            "unsure_from": _unsure_from(entropies),
            "n_train": sizes,
            "source": examples.catalog.table["source"].iloc[0],
            "split_file": SPLIT_NAME,
        }
        write_json(file.with_suffix(".json"), described)
        table = self.run.catalog.table
        write_csv(self.folder / SPLIT_NAME, table[["isic_id", "split"]])
        history = pd.read_csv(self.folder / "training/history.csv")
        write_csv(self.folder / "history.csv", history)
        print(f"{file}: {written['size_bytes'] / 1e6:.1f} MB")

    def _validation(self):
        """Photographs of val that have a mask, so many as the gate looks at."""
        val = self.run.catalog.split("val")
        rows = np.flatnonzero(val.table["mask_path"].notna())
        drawn = np.random.default_rng(self.settings.seed).permutation(rows)[:N_GATED]
        paths, masks = val.paths, val.mask_paths
        files = [(paths[row], masks[row]) for row in drawn]
        return [(read_image(path), read_mask(mask, path)) for path, mask in files]


def shown_square(image_size, preset):
    """Function of a photograph to what a segmenter is shown of it.

    None where no preset says more than that it is stretched to a square.
    """
    return preset and image_preparation(as_squares(image_size, preset))


def _judged(finder, photographs):
    """Mean Dice of a finder, and the entropy along the border of each outline."""
    found = [
        finder.find(image)
        for image, _ in track(photographs, f"Judging {finder.name} on val")
    ]
    scores = overlap_frame([mask for _, mask in photographs], [f.mask for f in found])
    return float(scores["dice"].mean()), [f.border_entropy for f in found]


def _unsure_from(entropies):
    """Entropy along the border that one outline in ten exceeds; None without any."""
    known = np.asarray(entropies)[np.isfinite(entropies)]
    return float(np.quantile(known, 1 - UNSURE_SHARE)) if len(known) else None
