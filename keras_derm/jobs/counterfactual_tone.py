"""Ask a model about the same photographs with melanin added and removed."""

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from rich.progress import track

from keras_derm import explain
from keras_derm.catalog import TASKS, apply_split_file, group_ids, read_image
from keras_derm.evaluation import (
    ENSEMBLE,
    TONE,
    describe_tone_sources,
    judged_rows,
    threshold_at_sensitivity,
    tone_group_strata,
)
from keras_derm.explain.counterfactual_tone import (
    BRIGHTNESS,
    MELANIN,
    MOVED,
    ORIGINAL,
    TRUTHS,
)
from keras_derm.files import write_csv, write_json
from keras_derm.jobs.judged import given_catalog
from keras_derm.jobs.predictor import Predictor
from keras_derm.phantom import MelaninTwins
from keras_derm.report import figures, save_figure
from keras_derm.report.counterfactual_page import write_counterfactual_page
from keras_derm.report.run_files import chosen_arm, read_metrics
from keras_derm.report.sections.counterfactual_tone import (
    degrees,
    effects_table,
    middle_step,
)
from keras_derm.runs import Stage
from keras_derm.settings import CounterfactualToneSettings, EvaluateSettings
from keras_derm.skin_tone import Photograph

FOLDER = "counterfactual_tone"
SENSITIVITY = 0.9
AT_ONCE = 32
N_SHOWN = 3


class CounterfactualTone(Stage):
    """Ask a model about the same photographs with melanin added and removed.

    Example:
        >>> run_stage("counterfactual_tone", "runs/first", n_photographs=100)
    """

    Settings = CounterfactualToneSettings
    writes = (FOLDER, f"{FOLDER}.html", "figures/counterfactual_*.png")

    @property
    def after(self):
        if self.settings.model is None:
            return ("evaluate",)
        return () if self.settings.data else ("prepare_dataset",)

    def inputs(self):
        model, split_file = self.settings.model, self.settings.split_file
        files = [] if split_file is None else [split_file]
        if model is not None and Path(model).is_dir():
            return [*files, str(Path(model) / "manifest.json")]
        return files if model is None else [*files, model]

    def check(self):
        if self.settings.model is not None or not self.run.done("evaluate"):
            return  # the stage says what is missing
        if self.run.settings(EvaluateSettings).predictions:
            raise ValueError(
                "the run judged predictions made elsewhere, whose model is not here: "
                "give it as --model. Received: model=None"
            )
        chosen_arm(self.run, self.settings.arm)

    @functools.cached_property
    def predictor(self):
        """The `Predictor` of the model that is asked."""
        if self.settings.model is not None:
            return Predictor(self.settings.model)
        return Predictor(self.run.arm(self._arm) / "ensemble.keras")

    @functools.cached_property
    def task(self):
        """The `Task` with the model's classes, or None where they are of none."""
        classes = self.predictor.classes
        for task in TASKS.values():
            if set(classes) <= set(task.classes):
                return replace(task, classes=tuple(classes))
        return None

    @property
    def positive(self):
        """Name of the class that is to be found, or None."""
        place = None if self.task is None else self.task.positive_class
        return None if place is None else self.predictor.classes[place]

    @property
    def _arm(self):
        return chosen_arm(self.run, self.settings.arm)

    def make(self):
        run, settings = self.run, self.settings
        catalog, val, origin = self._photographs()
        catalog = _drawn(catalog.require_real(), settings.n_photographs, settings.seed)
        threshold, fitted_on = self._threshold(val)
        twins = MelaninTwins.of(catalog)
        predictor, draw = self.predictor, self._draw
        asked = explain.counterfactual_table(
            catalog,
            predictor.prepare,
            predictor.models,
            predictor.classes,
            settings.steps,
            twins,
        )
        asked = list(track(asked, "Counterfactual tone", total=len(catalog)))
        predictions, colours = (pd.concat(part) for part in zip(*asked, strict=True))
        told = (predictor.classes, self.positive, threshold)
        people = _people(catalog)
        effects = explain.tone_effects(predictions, people, *told, **draw)
        write_csv(run / FOLDER / "predictions.csv", predictions)
        write_csv(run / FOLDER / "effects.csv", effects)
        if twins is not None:
            agreement = explain.truth_agreement(
                predictions, colours, people, *told, **draw
            )
            write_csv(run / FOLDER / "agreement.csv", agreement)
        write_json(
            run / FOLDER / "summary.json",
            {
                "model": Path(settings.model).name
                if settings.model
                else f"the {self._arm} ensemble",
                "origin": origin,
                "positive": self.positive,
                "threshold": threshold,
                "threshold_fitted_on": fitted_on,
                "n": len(catalog),
                "n_without_skin": len(catalog) - _n_changed(predictions),
                "zero": explain.zero_control(predictions, predictor.classes),
                "colours": _colours(predictions),
                "tone_sources": describe_tone_sources(catalog.table),
            },
        )
        self._draw_figures(catalog, predictions, effects, twins)
        page = write_counterfactual_page(run)
        print(effects_table(effects, self.positive).to_string(index=False))
        print(f"report: {page}")

    @property
    def _draw(self):
        return {"n_replicates": self.settings.n_replicates, "seed": self.settings.seed}

    def _photographs(self):
        """Photographs to judge, those of val or None, and what is known of both."""
        run, settings = self.run, self.settings
        unknown = "Whether the model learned from them is not known here."
        if settings.data is None:
            catalog, seen = run.catalog, unknown
            if settings.model is None:
                catalog = catalog.where(self.task.covers(catalog))
                seen = "None of their lesions or patients was trained on."
            return judged_rows(catalog), None, f"The test images of the run. {seen}"
        catalog = given_catalog(settings.data, skip_bad=settings.skip_bad)
        source = settings.data if isinstance(settings.data, str) else settings.data[0]
        name, split_file = source.rpartition("/")[2], settings.split_file
        if split_file is None:
            return judged_rows(catalog), None, f"Photographs of {name}. {unknown}"
        catalog = apply_split_file(catalog, split_file)
        origin = (
            f"Photographs of {name} that {Path(split_file).name} keeps for testing: "
            "the model did not learn from them."
        )
        return judged_rows(catalog), catalog.split("val"), origin

    def _threshold(self, val):
        """Probability from which the class is called, and what it was fitted on."""
        if self.positive is None:
            return None, ""
        if self.settings.threshold is not None:
            return self.settings.threshold, "given"
        if self.settings.model is None:
            points = read_metrics(self.run)["arms"][self._arm]["operating_points"]
            return points.get(f"{SENSITIVITY:g}"), "the run's validation images"
        if val is None:
            return None, ""
        val = val.where(self.task.covers(val))
        val = val.where(self.task.targets(val) == self.task.positive_class)
        if not len(val):
            return None, ""
        # Those of other classes do not count for a threshold at a sensitivity.
        scores = self._scores(val)
        threshold = threshold_at_sensitivity(scores >= 0, scores, SENSITIVITY)
        return threshold, f"{len(val):,} validation images of {self.positive}"

    def _scores(self, catalog):
        """The model's probability of the class that is to be found, (n,)."""
        prepare, classify = self.predictor.prepare, self.predictor.models[ENSEMBLE]
        found, paths = [], catalog.paths
        starts = range(0, len(paths), AT_ONCE)
        for start in track(starts, "Threshold on val", transient=True):
            batch = [prepare(read_image(p)) for p in paths[start : start + AT_ONCE]]
            found.append(classify(np.stack(batch))[:, self.task.positive_class])
        return np.concatenate(found)

    def _draw_figures(self, catalog, predictions, effects, twins):
        effects = effects[effects["value_of_stratum"] == "all"]
        effects = effects[effects["model"] == ENSEMBLE]
        curves = {}
        for effect, title in self._curves().items():
            rows = effects[effects["effect"] == effect]
            if len(rows):
                curves[title] = {
                    change: rows[rows["change"] == change]
                    for change in (MELANIN, BRIGHTNESS)
                }
        save_figure(self.run, "counterfactual_steps", figures.step_curves(curves))
        own = predictions[predictions["model"] == ENSEMBLE]
        own = own.set_index(["isic_id", "change", "step"])[list(self.predictor.classes)]
        shown = self._typical(catalog, own, twins)
        if len(shown):
            self._draw_strips(catalog, shown, own, twins)

    def _curves(self):
        name = self.positive
        return {
            "renamed": "Another diagnosis named",
            "gained": f"{name} newly called",
            "lost": f"{name} no longer called",
            "probability": f"Probability of {name}, mean change",
        }

    def _typical(self, catalog, own, twins):
        """Ids to show: one typical of each of the commonest diagnoses, and the most."""
        middle = middle_step(self.settings.steps)
        after = own.xs((MELANIN, middle), level=["change", "step"])
        if twins is not None:
            reached = [not np.isnan(twins.melanin(i, middle)) for i in after.index]
            after = after[reached]
        before = own.xs(ORIGINAL, level="change").droplevel("step").loc[after.index]
        diagnoses = catalog.table.set_index("isic_id")["diagnosis"].loc[after.index]
        change = (after - before)[self.positive or own.columns[0]]
        common = diagnoses.value_counts().index.tolist()
        common.sort(key=lambda name: name != self.positive)  # stable: it comes first
        chosen = [
            (change[diagnoses == name] - change[diagnoses == name].median())
            .abs()
            .idxmin()
            for name in common[:N_SHOWN]
        ]
        most = change.drop(chosen).abs()
        return [*chosen, most.idxmax()] if len(most) else chosen

    def _draw_strips(self, catalog, isic_ids, own, twins):
        steps = sorted([*self.settings.steps, 0.0])
        columns = [degrees(step) if step else "as it is" for step in steps]
        strips, truths = [], []
        middle = middle_step(self.settings.steps)
        place = {isic_id: i for i, isic_id in enumerate(catalog.table["isic_id"])}
        for i in map(place.get, isic_ids):
            row, file = catalog.table.iloc[i], (catalog.paths[i], catalog.mask_paths[i])
            photograph = Photograph.read(*file)
            start = row.true_ita if twins else None
            found = explain.look_at(
                photograph, self.settings.steps, row.isic_id, twins, start
            )
            cells = {
                (one.change, one.step): self._cell(one, own.loc[row.isic_id])
                for one in found
            }
            cells[MELANIN, 0.0] = cells[BRIGHTNESS, 0.0] = cells[ORIGINAL, 0.0]
            label = f"{row.isic_id}\nis {row.diagnosis}"
            for change, name in (
                (MELANIN, f"{label}\n{MELANIN}"),
                (BRIGHTNESS, BRIGHTNESS.replace(" ", "\n")),
            ):
                strips.append((name, [cells[change, step] for step in steps]))
            if twins is not None:
                shown = [(ORIGINAL, 0.0), (MELANIN, middle)]
                shown += [(TRUTHS[camera], middle) for camera in twins.cameras]
                truths.append((label, [cells[one] for one in shown]))
        save_figure(
            self.run, "counterfactual_strip", figures.photograph_strips(strips, columns)
        )
        if twins is not None:
            names = ["as it is", f"{degrees(middle)}, simulated"]
            names += [
                f"{degrees(middle)}, {TRUTHS[camera]}" for camera in twins.cameras
            ]
            figure = figures.photograph_strips(truths, names)
            save_figure(self.run, "counterfactual_truth", figure)

    def _cell(self, variant, said):
        """Picture, caption and mark of a variant; marked where it is named anew."""
        y_prob = said.loc[(variant.change, variant.step)]
        named, before = y_prob.idxmax(), said.loc[ORIGINAL].iloc[0].idxmax()
        caption = f"{named} {y_prob[named]:.0%}"
        if self.positive is not None and named != self.positive:
            caption += f", {self.positive} {y_prob[self.positive]:.0%}"
        return variant.image, caption, named != before


def _drawn(catalog, n, seed):
    """At most n photographs, drawn at random, in the order of the catalog."""
    chosen = np.random.default_rng(seed).permutation(len(catalog))[:n]
    return catalog.where(np.isin(np.arange(len(catalog)), chosen))


def _people(catalog):
    """By `isic_id`: the group that is drawn, the diagnosis, the tone where known."""
    table = catalog.table
    found = pd.DataFrame(
        {
            "group": group_ids(catalog),
            "diagnosis": pd.Categorical(table["diagnosis"]).remove_unused_categories(),
        },
        index=table["isic_id"].to_numpy(),
    )
    if table[TONE].notna().any():
        found[TONE] = tone_group_strata(table[TONE])
    return found


def _colours(predictions):
    """Median changes of the skin's colour, a dict for each step and change."""
    made = predictions[predictions["change"].isin([MELANIN, BRIGHTNESS])]
    made = made[(made["model"] == ENSEMBLE) & (made["step"] != 0)]
    found = made.groupby(["step", "change"])[[*MOVED, "cut"]].median()
    found["cut"] *= 100
    return found.reset_index().to_dict("records")


def _n_changed(predictions):
    return predictions.loc[predictions["change"] == MELANIN, "isic_id"].nunique()
