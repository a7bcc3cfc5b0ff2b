"""Hold estimators of skin tone against people's labels."""

import dataclasses

import numpy as np
import pandas as pd
from rich.progress import track

from keras_derm.catalog import SKIN_TONE_SCALES, apply_split_file, read_image
from keras_derm.evaluation import ToneTruth, repeatability, tone_scores
from keras_derm.files import write_csv
from keras_derm.readers import read_data_source
from keras_derm.report import (
    Callout,
    Section,
    Table,
    Text,
    figure_block,
    figures,
    render_report,
    save_figure,
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
ORDER = ("measured", "Spearman", "ICC")
LEAST_WITHIN = 60
LEAST_LABELS = 30
N_WORST = 12
CLINICAL = "clinical"


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

    @property
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
        judged = catalog.table[unseen]
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
        self._draw(judged, catalog, estimates)
        self._report(scores, judged)
        print(summary_table(scores).to_string(index=False))

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
        table = catalog.table
        groups = group_names(table)
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
        path = self.run / f"validation/calibration_{_file_name(image_type)}.json"
        CalibratedIta.by(calibration, (image_type,)).save(path)

    def _scores(self, rows, scale, image_type, estimates):
        """Scores of all estimators on the photographs of one scale and type."""
        settings, tables = self.settings, []
        names = [name for name in estimates if _applies(estimates[name], rows)]
        groups = group_names(rows)
        for name in track(names, f"{image_type}", transient=True):
            frame = estimates[name].loc[rows.index]
            head = {"scale": scale, "image_type": image_type, "estimator": name}
            scores = tone_scores(
                _truth(rows, scale, groups),
                frame,
                settings.n_replicates,
                settings.seed,
            )
            icc = repeatability(
                frame["value"], groups, settings.n_replicates, settings.seed
            )
            scores = pd.concat([scores, pd.DataFrame([icc])])
            tables.append(scores.assign(**head, within="all", level="all"))
            for column, level, part in _parts(rows):
                scores = tone_scores(
                    _truth(part, scale, groups[part.index]),
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

    def _draw(self, judged, catalog, estimates):
        """Confusion, distribution and worst misses of each type of photograph."""
        for (scale, kind), rows in judged.groupby(["skin_tone_scale", "image_type"]):
            if len(rows) < LEAST_LABELS:
                continue
            words, name = list(SKIN_TONE_SCALES[scale]), _file_name(kind)
            used = {
                each: frame.loc[rows.index]
                for each, frame in estimates.items()
                if _applies(frame, rows)
            }
            labels = rows["skin_tone_label"].to_numpy(object)
            values = {
                each: (
                    frame["value"].to_numpy("float64"),
                    "ITA in degrees"
                    if _scale(frame) == "ita"
                    else "Estimate (0: lightest)",
                )
                for each, frame in used.items()
            }
            violins = figures.tone_violins(values, labels, words, scale)
            save_figure(self.run, f"tone_violins_{name}", violins)
            matrices = {
                each: _confusion(labels, frame["label"], words)
                for each, frame in used.items()
                if _scale(frame) == scale
            }
            figure = figures.confusion_matrices(matrices, words, "Label of a person")
            save_figure(self.run, f"tone_confusion_{name}", figure)
            self._draw_worst(rows, catalog, used, scale, name)

    def _draw_worst(self, rows, catalog, used, scale, name):
        """The photographs on which the best estimator is furthest off."""
        chosen = [
            each
            for each, frame in used.items()
            if _scale(frame) == scale and "twin" not in each and "masked" not in each
        ][-1]
        frame = used[chosen]
        truth = _truth(rows, scale, group_names(rows))
        off = np.abs(frame["value"].to_numpy("float64") - truth.ranks)
        worst = np.argsort(-np.nan_to_num(off), kind="stable")[:N_WORST]
        words = list(SKIN_TONE_SCALES[scale])
        images = [read_image(catalog.paths[rows.index[i]]) for i in worst]
        captions = [
            f"{rows['isic_id'].iloc[i]}\nlabel {rows['skin_tone_label'].iloc[i]}\n"
            f"estimate {_in_words(frame['value'].iloc[i], words)}"
            for i in worst
        ]
        sheet = figures.contact_sheet(images, captions, 6)
        save_figure(self.run, f"tone_worst_{name}", sheet)

    def _report(self, scores, judged):
        """Write skin_tone.html."""
        sections = []
        for image_type in scores["image_type"].unique():
            name = _file_name(image_type)
            own = scores[scores["image_type"] == image_type]
            sections.append(
                Section(
                    f"Photographs: {image_type}",
                    f"{int(own['n'].max()):,} labelled photographs.",
                    [
                        Table(
                            order_table(own),
                            "Do darker people get darker estimates?",
                            "Photographs measured, rank correlation, AUC of the darker "
                            "against the lighter labels, and agreement (ICC) of the "
                            "photographs of one lesion or patient.",
                        ),
                        Table(
                            label_table(own),
                            "Are label and group right?",
                            "On the scale of the labels alone: kappa has quadratic "
                            "weights. A group is named where it is probable enough.",
                        ),
                        figure_block(
                            self.run,
                            f"tone_violins_{name}",
                            "Distribution of each estimate by label.",
                        ),
                        figure_block(
                            self.run,
                            f"tone_confusion_{name}",
                            "Confusion of label and estimated label.",
                        ),
                        figure_block(
                            self.run,
                            f"tone_worst_{name}",
                            "Photographs on which the estimate is furthest off.",
                            "Furthest from the label: look whether the photograph or "
                            "the label is at fault.",
                        ),
                        Table(
                            within_table(own),
                            "Within one site, diagnosis or device",
                            "An estimator that sees who is photographed where, and not "
                            "the skin, loses its order here. "
                            f"Levels with {LEAST_WITHIN} photographs or more.",
                        ),
                    ],
                )
            )
        raters = judged["skin_tone_rater"].fillna("not given").unique()
        render_report(
            sections,
            self.run / "skin_tone.html",
            "How good are estimates of skin tone?",
            [
                Text(
                    "Estimators against the labels of people in "
                    f"{', '.join(self.settings.sources)}. Intervals are of 95 %, "
                    "by lesion or patient."
                ),
                Callout("caution", f"The rater of the labels: {', '.join(raters)}."),
                *(Callout("note", told) for told in self.told),
            ],
        )


def summary_table(scores):
    """The overall figures of every estimator, one row each, as text."""
    overall = scores[scores["within"] == "all"]
    return _as_cells(overall, ["image_type", "estimator"])


def order_table(scores):
    """Of one type of photographs, the figures that go by order alone."""
    overall = scores[scores["within"] == "all"]
    by_order = overall["metric"].isin(ORDER) | overall["metric"].str.startswith("AUC")
    return _as_cells(overall[by_order], ["estimator"])


def label_table(scores):
    """Of one type of photographs, the figures that go by label and by group."""
    overall = scores[scores["within"] == "all"]
    by_order = overall["metric"].isin(ORDER) | overall["metric"].str.startswith("AUC")
    return _as_cells(overall[~by_order], ["estimator"])


def within_table(scores):
    """The figures within each level of site, diagnosis and device, as text."""
    within = scores[scores["within"] != "all"]
    return _as_cells(within, ["within", "level", "estimator"])


def _as_cells(scores, index):
    cells = [
        "–" if value != value else f"{value:.2f} ({low:.2f} to {high:.2f})"
        for value, low, high in scores[["value", "low", "high"]].to_numpy("float64")
    ]
    metrics = scores["metric"].drop_duplicates().tolist()
    order = scores[index].drop_duplicates()
    shown = scores.assign(cell=cells).pivot_table(
        index=index, columns="metric", values="cell", aggfunc="first", sort=False
    )
    shown = shown.reindex(pd.MultiIndex.from_frame(order))[metrics]
    return shown.fillna("–").reset_index()


def group_names(table):
    """Lesion of each photograph, else its patient, else itself: Series of str."""
    return table["lesion_id"].fillna(table["patient_id"]).fillna(table["isic_id"])


def _truth(rows, scale, groups):
    labels = rows["skin_tone_label"].to_numpy(object)
    return ToneTruth(labels, scale, groups.to_numpy(object))


def _applies(frame, rows):
    return bool(frame.loc[rows.index, "value"].notna().any())


def _scale(frame):
    return frame["scale"].dropna().iloc[0]


def _parts(rows):
    """Tuples of column, level and the rows of it, of those that are large enough."""
    for column in WITHIN:
        if column in rows:
            for level, part in rows.groupby(column, sort=True):
                if len(part) >= LEAST_WITHIN:
                    yield column, level, part


def _confusion(labels, estimated, words):
    known = estimated.notna().to_numpy()
    table = pd.crosstab(
        pd.Categorical(labels[known], words),
        pd.Categorical(estimated[known], words),
        dropna=False,
    )
    return table.to_numpy()


def _in_words(value, words):
    """An expectation between two labels, in the numbers of its scale."""
    if value != value:
        return "none"
    low = min(int(value), len(words) - 1)
    share = value - low
    if words[low].isdigit() and share > 0.05:
        high = words[min(low + 1, len(words) - 1)]
        return f"{(1 - share) * int(words[low]) + share * int(high):.1f}"
    return words[round(value)]


def _file_name(image_type):
    return image_type.replace(": ", "_").replace(" ", "_").replace("-", "_")
