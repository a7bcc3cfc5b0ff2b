"""Judge all segmenters of a run on real photographs, beside rules."""

import dataclasses
import json
import time

import keras
import numpy as np
import pandas as pd
from rich.progress import track

from keras_derm.catalog import read_image
from keras_derm.evaluation import (
    OVERLAP_METRICS,
    catalog_axes,
    contrast_edges,
    mean_overlap,
    overlap_scores,
    skin_groups,
)
from keras_derm.files import write_csv, write_json
from keras_derm.jobs.train_segmenter import FILE_NAME, shown_square
from keras_derm.lesion_finders import (
    AutomaticFinder,
    MaxFlowFinder,
    NetworkFinder,
    PlainOtsuFinder,
)
from keras_derm.lesion_finders.max_flow import require_max_flow
from keras_derm.lesion_finders.outline import shrunk
from keras_derm.photographs import read_mask
from keras_derm.report import save_figure
from keras_derm.report.segmentation_sheets import segmentation_sheets
from keras_derm.report.segmenter_card import write_segmenter_card
from keras_derm.runs import Stage
from keras_derm.runs.layout import SEGMENTER_STAGE
from keras_derm.segmentation import ModelFinder, with_masks
from keras_derm.settings import EvaluateSegmenterSettings

RULES = {"otsu": PlainOtsuFinder, "rule": AutomaticFinder, "max_flow": MaxFlowFinder}
LONGEST_SIDE = 1024
"""Photographs with a longer side are shrunk to it before they are judged."""

AXES = ("image_type", "diagnosis", "tone_group", "skin_tone_label", "contrast_band")
AXES += ("photograph_colour",)
LEAST_IN_STRATUM = 10


class EvaluateSegmenter(Stage):
    """Judge all segmenters of a run on the real test photographs, beside rules.

    Example:
        >>> run_stage("evaluate_segmenter", "runs/first", n_replicates=500)
    """

    Settings = EvaluateSegmenterSettings
    writes = (
        "segmentation",
        "figures/segmentation_*.png",
        f"segmenters/*/{FILE_NAME.replace('.tflite', '.md')}",
    )

    @property
    def after(self):
        arms = self.run.segmenters or ("baseline",)
        return tuple(f"{SEGMENTER_STAGE}{arm}" for arm in arms)

    def check(self):
        if "max_flow" in self.settings.rules:
            require_max_flow()

    def make(self):
        test = self._photographs()
        finders = self._finders()
        scores, outlines = self._judged(test, finders)
        write_csv(self.run / "segmentation/scores.csv", scores)
        summary = self._summary(scores, test)
        write_csv(self.run / "segmentation/summary.csv", summary)
        differences = self._differences(scores, test)
        write_csv(self.run / "segmentation/differences.csv", differences)
        times = self._times(test, finders)
        self._write_facts(test, times)
        self._cards(summary, test, times)
        for name, figure in segmentation_sheets(scores, outlines, self._shown()):
            save_figure(self.run, f"segmentation_{name}", figure)
        print(terminal_table(summary, times))

    def _photographs(self):
        """Catalog of the test photographs that have a mask."""
        test = with_masks(self.run.catalog.split("test"))
        if not len(test):
            raise ValueError(
                "segmenters are judged on test photographs with lesion masks. "
                "Received: none"
            )
        n, seed = self.settings.n_photographs, self.settings.seed
        if n is None or n >= len(test):
            return test
        kept = np.zeros(len(test), bool)
        kept[np.random.default_rng(seed).permutation(len(test))[:n]] = True
        return test.where(kept)

    def _finders(self):
        """Dict from the name of each finder to the finder."""
        found = {}
        for arm in self.run.segmenters:
            folder = self.run.segmenter(arm)
            model = keras.models.load_model(folder / "model.keras", compile=False)
            exported = NetworkFinder.load(folder / FILE_NAME)
            preset = exported.description.get("preset")
            square = shown_square(exported.image_size, preset)
            found[arm] = ModelFinder(arm, model, square)
            exported = dataclasses.replace(exported, square=square)
            found[f"{arm}, {exported.description['mode']}"] = exported
        return found | {rule: RULES[rule]() for rule in self.settings.rules}

    def _shown(self):
        """Name of the exported reference, whose outlines are drawn, and of itself."""
        arm = self._reference()
        return f"{arm}, {self._description(arm)['mode']}", arm

    def _reference(self):
        arms = self.run.segmenters
        chosen = self.settings.reference
        return chosen if chosen in arms else arms[0]

    def _judged(self, test, finders):
        """Scores of each photograph by each finder, and what was found in it."""
        rows, outlines = [], {}
        files = zip(test.table["isic_id"], test.paths, test.mask_paths, strict=True)
        for isic_id, path, mask in track(files, "Outlining lesions", total=len(test)):
            image, truth = photograph_and_mask(path, mask)
            found = {name: finder.find(image) for name, finder in finders.items()}
            for name, outline in found.items():
                row = {"isic_id": isic_id, "finder": name, "true_share": truth.mean()}
                row |= {"share": outline.share, "entropy": outline.border_entropy}
                rows.append(row | overlap_scores(truth, outline.mask))
            outlines[isic_id] = (path, mask, {n: o.mask for n, o in found.items()})
        return pd.DataFrame(rows), outlines

    def _summary(self, scores, test):
        """Means with intervals, of all photographs and of strata."""
        table = test.table
        groups = skin_groups(table).to_numpy(object)
        edges = contrast_edges(self.run.catalog.table)
        axes = {"all": np.full(len(table), "all")}
        axes |= catalog_axes(table, AXES, edges)
        found = []
        for name, own in scores.groupby("finder", sort=False):
            values = own[list(OVERLAP_METRICS)].reset_index(drop=True)
            for axis, levels in axes.items():
                levels = pd.Series(np.asarray(levels, object))
                for level in levels.dropna().unique():
                    rows = (levels == level).to_numpy(bool)
                    if rows.sum() < LEAST_IN_STRATUM:
                        continue
                    means = mean_overlap(
                        values[rows],
                        groups[rows],
                        self.settings.n_replicates,
                        self.settings.seed,
                    )
                    found.append(means.assign(finder=name, axis=axis, level=level))
        columns = ["finder", "axis", "level", "metric", "value", "low", "high", "n"]
        return pd.concat(found, ignore_index=True)[columns]

    def _differences(self, scores, test):
        """What each finder differs by from the reference, on the same photographs."""
        groups = skin_groups(test.table).to_numpy(object)
        metrics, reference = list(OVERLAP_METRICS), self._reference()
        by_finder = {
            name: own[metrics].reset_index(drop=True)
            for name, own in scores.groupby("finder", sort=False)
        }
        found = []
        for name, own in by_finder.items():
            if name != reference:
                means = mean_overlap(
                    own - by_finder[reference],
                    groups,
                    self.settings.n_replicates,
                    self.settings.seed,
                )
                found.append(means.assign(finder=name, reference=reference))
        return pd.concat(found, ignore_index=True)

    def _times(self, test, finders):
        """Median milliseconds a photograph, one at a time, the first left out."""
        images = [read_image(path) for path in test.paths[: self.settings.n_timed + 1]]
        return {name: milliseconds(finder, images) for name, finder in finders.items()}

    def _write_facts(self, test, times):
        facts = {
            "n": len(test),
            "reference": self._reference(),
            "milliseconds": times,
            "longest_side": LONGEST_SIDE,
            "arms": {arm: self._description(arm) for arm in self.run.segmenters},
        }
        write_json(self.run / "segmentation/facts.json", facts)

    def _description(self, arm):
        file = self.run.segmenter(arm) / FILE_NAME
        return json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))

    def _cards(self, summary, test, times):
        for arm in self.run.segmenters:
            described = self._description(arm)
            name = f"{arm}, {described['mode']}"
            own = summary[summary["finder"] == name]
            file = self.run.segmenter(arm) / FILE_NAME
            licence = ", ".join(test.table["copyright_license"].dropna().unique())
            write_segmenter_card(file, described, own, len(test), licence, times[name])


def photograph_and_mask(path, mask):
    """Read a photograph with its mask, at most 1,024 pixels long.

    Args:
        path, mask: Their files.

    Returns:
        RGB `(height, width, 3)`, uint8, and bool `(height, width)`.
    """
    image, truth = read_image(path), read_mask(mask, path)
    covered = shrunk(truth.astype("float32"), LONGEST_SIDE)
    return shrunk(image, LONGEST_SIDE), covered > 0.5


def milliseconds(finder, images):
    """Median time that a finder takes for one photograph, the first left out."""
    taken = []
    for image in images:
        start = time.perf_counter()
        finder.find(image)
        taken.append(time.perf_counter() - start)
    return float(np.median(taken[1:] or taken) * 1000)


def terminal_table(summary, times):
    """The overall figures as text, one line a finder."""
    overall = summary[summary["axis"] == "all"]
    shown = overall.pivot(index="finder", columns="metric", values="value")
    shown = shown.loc[overall["finder"].unique(), list(OVERLAP_METRICS)]
    shown = shown.rename(columns=OVERLAP_METRICS).assign(ms=pd.Series(times))
    return shown.round(3).to_string()
