"""Hold estimators of skin tone against people's labels."""

import dataclasses
import functools

import numpy as np
import pandas as pd
from rich.progress import track

from keras_derm.catalog import apply_split_file
from keras_derm.evaluation import ToneTruth, repeatability, skin_groups, tone_scores
from keras_derm.files import write_csv
from keras_derm.readers import read_data_source
from keras_derm.report.validation_page import (
    file_name,
    summary_table,
    write_validation_page,
)
from keras_derm.runs import Stage
from keras_derm.settings import ValidateSkinToneSettings
from keras_derm.skin_tone import (
    CalibratedIta,
    ItaEstimator,
    LesionMasked,
    ToneCalibration,
    ToneNetwork,
    cross_calibrated,
    estimate,
    of_clinical_twin,
    shipped_networks,
)

RULES = ("published", "quadrant")
WITHIN = ("anatom_site_general", "diagnosis", "dermoscopic_type", "dermatoscope")
"""Columns whose values are judged one by one, where the archive has them."""

WITHIN_METRICS = (
    "Spearman",
    "AUC dark against the rest",
    "AUC dark against light",
    "AUC 0-1 against the rest",
    "kappa",
)
LEAST_WITHIN = 60
LEAST_LABELS = 30


class ValidateSkinTone(Stage):
    """Hold estimators of skin tone against people's labels.

    Example:
        >>> run_stage("validate_skin_tone", "runs/tone", data="milk10k:/data/milk10k")
    """

    Settings = ValidateSkinToneSettings
    writes = ("validation", "skin_tone.html", "figures/tone_*.png")

    def __init__(self, run, settings):
        super().__init__(run, settings)
        self.told = []

    @functools.cached_property
    def networks(self):
        """The `ToneNetwork`s that are to be judged."""
        given = self.settings.networks
        return [ToneNetwork.load(path) for path in given] or shipped_networks()

    def inputs(self):
        files = [str(one.path) for one in self.networks]
        split = self.settings.split_file
        return files if split is None else [*files, split]

    def make(self):
        catalog = self._labelled()
        networks, unseen = self._networks_to_judge(catalog)
        estimates = self._estimates(catalog, networks)
        if self.settings.split_file is not None:
            unseen &= self._in_test(catalog)
        print(
            f"{int(unseen.sum()):,} of {len(catalog):,} labelled photographs are judged"
        )
        judged = with_types(catalog.table)[unseen]
        scores = pd.concat(
            [
                self._scores(rows, scale, image_type, estimates)
                for (scale, image_type), rows in judged.groupby(
                    ["skin_tone_scale", "image_type"], sort=True
                )
                if len(rows) >= LEAST_LABELS
            ]
            or [pd.DataFrame(columns=["image_type"])],
            ignore_index=True,
        )
        if scores.empty:
            raise ValueError(
                f"a validation needs {LEAST_LABELS} labelled photographs of one type "
                "that no network learned from. Received: "
                f"{judged['image_type'].value_counts().to_dict()}"
            )
        write_csv(self.run / "validation/scores.csv", scores)
        self._write_estimates(catalog, estimates)
        told = (
            "Estimators against the labels of people in "
            f"{', '.join(self.settings.sources)}. Intervals are of 95 %, by lesion or "
            "patient."
        )
        page = write_validation_page(
            self.run, scores, judged, estimates, catalog.paths, [told, *self.told]
        )
        print(summary_table(scores).to_string(index=False))
        print(f"report: {page}")

    def _labelled(self):
        """The photographs that have a label, whose type is written where not known."""
        settings = self.settings
        catalog = read_data_source(settings.data, settings.skip_bad)
        catalog = catalog.where(catalog.table["skin_tone_label"].notna().to_numpy(bool))
        if not len(catalog):
            raise ValueError(
                "no photograph has a person's label of the skin (skin_tone_label with "
                f"skin_tone_scale). Received: data={settings.data!r}"
            )
        if settings.split_file is not None:
            catalog = apply_split_file(catalog, settings.split_file)
        return catalog

    def _networks_to_judge(self, catalog):
        """The networks, and what none of them has seen: a bool array.

        A network that has seen nearly all is left out, and its card is printed.
        """
        judged, unseen = [], np.ones(len(catalog), bool)
        for one in self.networks:
            new = ~one.learned_from(catalog)
            if new.sum() < LEAST_LABELS:
                self.told.append(
                    f"{one.name} is not judged here: it learned from all but "
                    f"{int(new.sum())} of these photographs. Before it did, {one.worth}"
                )
                print(self.told[-1])
                continue
            judged.append(one)
            unseen &= new
        return judged, unseen

    def _in_test(self, catalog):
        return catalog.table["split"].eq("test").fillna(False).to_numpy(bool)

    def _estimates(self, catalog, networks):
        """Dict from the name of each estimator to its frame, over the whole catalog."""
        rules = [ItaEstimator.by_rule(r, self.settings.thresholds) for r in RULES]
        masked = [LesionMasked.of(one) for one in networks]
        found = estimate(catalog, [*rules, *networks, *masked])
        direct = {one.name: found[one.name] for one in rules}
        ours = rules[RULES.index("quadrant")].name
        direct["calibrated ITA"] = self._calibrated(catalog, found[ours])
        direct |= {one.name: found[one.name] for one in (*networks, *masked)}
        twins = {
            f"clinical twin: {name}": of_clinical_twin(catalog, frame)
            for name, frame in direct.items()
            if "masked" not in name
        }
        return direct | twins

    def _calibrated(self, catalog, ita):
        """Calibrated ITA, fitted for each scale and type on other lesions."""
        table = with_types(catalog.table)
        groups = skin_groups(table)
        kept = ita["label"].notna()
        parts = []
        for (scale, image_type), rows in table.groupby(
            ["skin_tone_scale", "image_type"]
        ):
            angles = ita["value"].where(kept)[rows.index]
            if angles.notna().sum() < 2 * LEAST_LABELS:
                continue
            found = cross_calibrated(
                angles,
                rows["skin_tone_label"],
                scale,
                groups[rows.index],
                seed=self.settings.seed,
            )
            self._write_calibration(angles, rows, scale, image_type)
            frame = pd.DataFrame(map(dataclasses.asdict, found), index=rows.index)
            parts.append(frame.assign(scale=scale))
        if not parts:
            return ita.iloc[:0].reindex(table.index)
        return pd.concat(parts).reindex(table.index)

    def _write_calibration(self, angles, rows, scale, image_type):
        """Write the calibration of all labelled photographs, for audits of others."""
        archives = ", ".join(rows["source"].dropna().unique())
        fitted_on = f"{len(rows):,} {image_type} photographs of {archives}"
        calibration = ToneCalibration.fit(
            -angles, rows["skin_tone_label"], scale, fitted_on
        )
        path = self.run / f"validation/calibration_{file_name(image_type)}.json"
        CalibratedIta.by(calibration, (image_type,)).save(path)

    def _scores(self, rows, scale, image_type, estimates):
        """Scores of all estimators on the photographs of one scale and type."""
        settings, tables = self.settings, []
        names = [
            name
            for name, frame in estimates.items()
            if frame.loc[rows.index, "value"].notna().any()
        ]
        for name in track(names, f"{image_type}", transient=True):
            frame = estimates[name].loc[rows.index]
            head = {"scale": scale, "image_type": image_type, "estimator": name}
            truth = ToneTruth.of(rows, scale)
            draws = settings.n_replicates, settings.seed
            scores = tone_scores(truth, frame, *draws)
            icc = repeatability(frame["value"], truth.groups, *draws)
            scores = pd.concat([scores, pd.DataFrame([icc])])
            tables.append(scores.assign(**head, within="all", level="all"))
            for column, level, part in _parts(rows):
                scores = tone_scores(
                    ToneTruth.of(part, scale),
                    frame.loc[part.index],
                    max(100, settings.n_replicates // 5),
                    settings.seed,
                    WITHIN_METRICS,
                )
                tables.append(scores.assign(**head, within=column, level=level))
        columns = ["scale", "image_type", "estimator", "within", "level"]
        table = pd.concat(tables, ignore_index=True)
        return table[[*columns, *(c for c in table if c not in columns)]]

    def _write_estimates(self, catalog, estimates):
        table = catalog.table[
            ["isic_id", "lesion_id", "image_type", "skin_tone_label", "skin_tone_scale"]
        ]
        frames = [
            pd.concat([table, frame], axis=1).assign(estimator=name)
            for name, frame in estimates.items()
        ]
        everything = pd.concat(frames, ignore_index=True)
        write_csv(
            self.run / "validation/estimates.csv",
            everything[everything["value"].notna() | everything["reason"].notna()],
        )


def _parts(rows):
    """Tuples of column, level and the rows of it, of those that are large enough."""
    for column in WITHIN:
        if column in rows:
            for level, part in rows.groupby(column, sort=True):
                if len(part) >= LEAST_WITHIN:
                    yield column, level, part


def with_types(table):
    """The table with a word where the type of a photograph is not known."""
    return table.assign(image_type=table["image_type"].fillna("type not known"))
