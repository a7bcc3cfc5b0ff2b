"""Judge all arms of a run on the same real test images."""

from pathlib import Path

import pandas as pd

from keras_derm.catalog import Lesions, get_task
from keras_derm.evaluation import (
    ENSEMBLE,
    contrast_edges,
    describe_tone_sources,
    judge_arms,
    predictions_from_csv,
    predictions_to_csv,
)
from keras_derm.export import photograph_facts, prediction_facts
from keras_derm.files import write_csv, write_json
from keras_derm.jobs.judged import (
    colour_rule,
    print_gaps,
    print_scores,
    print_sensitivities,
)
from keras_derm.report import figures, interval_cell, save_figure
from keras_derm.report.run_files import read_json
from keras_derm.runs import ARM_STAGE, LESION_STAGE, Stage
from keras_derm.settings import (
    ARMS,
    EvaluateSettings,
    TrainClassifierSettings,
    TrainLesionClassifierSettings,
)

LESION_METRICS = ("macro_f1", "macro_auc", "balanced_accuracy", "accuracy")
NOTHING_ADDED = (
    "Nothing was compared between augmented and baseline: no synthetic image passed "
    "the screening, so both learned from the same real images. What differs between "
    "them is the chance of training."
)
ONE_SEED = (
    "One seed was trained for each arm; another can move these figures by as much, and "
    "only several (compare.py) tell what augmentation did."
)
ONE_SEED_OF_LESIONS = (
    "One seed was trained for each arm; another can move these figures by as much, and "
    "only several (benchmarks/milk10k_arms.py) tell which inputs help."
)
MADE_ELSEWHERE = (
    "The predictions were made elsewhere: that all models learned from the same real "
    "training images, and from nothing of this test set, is not known here."
)


class Evaluate(Stage):
    """Judge all arms of a run, or predictions made elsewhere.

    Example:
        >>> run_stage("evaluate", "runs/first", n_replicates=500)
    """

    Settings = EvaluateSettings
    writes = (
        "predictions",
        "conformal",
        "metrics.json",
        "metrics.csv",
        "disparities.csv",
        "gaps.csv",
        "selective.csv",
        "decision_curves.csv",
        "figures/confusion.png",
        "figures/forest.png",
        "figures/forest_others.png",
        "figures/reliability.png",
        "figures/roc.png",
        "figures/net_benefit.png",
    )
    keeps = (
        "metrics.json",
        "metrics.csv",
        "disparities.csv",
        "gaps.csv",
        "predictions/*.csv",
    )

    @property
    def of_lesions(self):
        """Whether the arms are those of train_lesion_classifier."""
        return self.run.is_of_lesions and not self.settings.predictions

    @property
    def after(self):
        if self.of_lesions:
            return ("prepare_dataset", LESION_STAGE)
        arms = () if self.settings.predictions else self._arms()
        return ("prepare_dataset", *(f"{ARM_STAGE}{arm}" for arm in arms))

    def inputs(self):
        return list((self.settings.predictions or {}).values())

    def check(self):
        given, reference = self.settings.predictions, self.settings.reference
        if self.of_lesions:
            self._check_lesion_arms()
            return
        if given is None:
            if reference in set(self.run.arms) - set(self._current_arms()):
                raise ValueError(
                    "the reference learned from other images than there now are: train "
                    f"it anew (apps/train_classifier.py). Received: {reference!r}"
                )
            return
        if reference not in given or len(given) < 2:
            raise ValueError(
                f"`predictions` must name a csv for the reference, {reference}, and "
                "for another arm; compare.py judges one model alone. "
                f"Received: {sorted(given)}"
            )
        own = self.run.predictions.resolve()
        for path in given.values():
            if own in Path(path).resolve().parents:
                raise ValueError(
                    f"{own} is written anew: keep predictions made elsewhere outside "
                    f"of it. Received: {path}"
                )

    def _check_lesion_arms(self):
        """Refuse arms that cannot be compared, or learned from other images."""
        arms, reference = self._arms(), self.settings.reference
        if reference not in arms or len(arms) < 2:
            raise ValueError(
                "`reference` must be one of two or more arms of the classifiers of "
                f"lesions (--reference {arms[0]}; train_lesion_classifier.py trains "
                f"others). Received: {reference!r} of {', '.join(arms)}"
            )
        if not self.run.is_current(LESION_STAGE):
            raise ValueError(
                "the classifiers of lesions learned from other images than there now "
                "are: train them anew (apps/train_lesion_classifier.py). "
                f"Received: {reference!r}"
            )

    def _arms(self):
        """The reference and all trained arms that tell the same classes apart."""
        if self.of_lesions:
            return list(self.run.settings(TrainLesionClassifierSettings).arms)
        reference, trained = self.settings.reference, self._current_arms()
        if reference not in (*trained, *ARMS):
            raise ValueError(
                f"`reference` must be one of the trained arms {list(trained)}. "
                f"Received: {reference!r}"
            )
        if reference not in trained:  # whose absence the stage will tell
            return [reference]
        task = self._task_of(reference)
        return [arm for arm in trained if self._task_of(arm) == task]

    def _current_arms(self):
        """Arms that learned from the images as they now are."""
        arms = self.run.arms
        return [arm for arm in arms if self.run.is_current(f"{ARM_STAGE}{arm}")]

    def _task_of(self, arm):
        if self.of_lesions:
            return self.run.settings(TrainLesionClassifierSettings).task
        return self.run.settings(TrainClassifierSettings, arm).task

    def make(self):
        run, settings = self.run, self.settings
        given = settings.predictions
        name = settings.task if given else self._task_of(settings.reference)
        task = get_task(name).present_in(run.catalog.split("train"))
        catalog = Lesions.of(run.catalog).catalog if self.of_lesions else run.catalog
        real = catalog.where(task.covers(catalog)).require_real()
        splits = {name: real.split(name) for name in ("val", "test")}
        if given:
            predicted = {
                arm: self._made_elsewhere(arm, path, real, task)
                for arm, path in given.items()
            }
        else:
            if not self.of_lesions:
                self._tell_of_others(name)
            predicted = {
                arm: self._of_arm(arm, splits, task.classes) for arm in self._arms()
            }
        found = judge_arms(
            **splits,
            task=task,
            predicted=predicted,
            contrast_edges=contrast_edges(run.catalog.table),
            reference=settings.reference,
            n_replicates=settings.n_replicates,
            seed=settings.seed,
            stratified=settings.stratified,
        )
        verdict = self._verdict(found.comparison)
        sources = describe_tone_sources(splits["test"].table)
        self._write(found, verdict, sources, len(splits["val"]))
        draw_comparison(run, found.comparison)
        if found.roc:
            draw_curves(run, found)
        if not given and not self.of_lesions:
            self._describe_models(task, splits["val"], predicted)
        if self.of_lesions:
            print_scores(found.comparison, LESION_METRICS, "lesions")
            print_sensitivities(found.comparison)
        else:
            print_scores(found.comparison)
        print_gaps(found.comparison)
        print(f"{verdict} {sources}")

    def _tell_of_others(self, task):
        """Print which arms are not judged, and why."""
        current = self._current_arms()
        for arm in self.run.arms:
            if arm not in current:
                print(f"{arm} is not judged: what it learned from was made anew")
            elif self._task_of(arm) != task:
                print(
                    f"{arm} is not judged: its task is {self._task_of(arm)}, not {task}"
                )

    def _of_arm(self, arm, splits, classes):
        """What an arm said of both splits when it was trained, copied into the run."""
        found, ending = {}, "_{}.csv"
        folder = self.run.lesions(arm) if self.of_lesions else self.run.arm(arm)
        for split, rows in splits.items():
            paths = (folder / "predictions").glob(f"*{ending.format(split)}")
            names = [path.name.removesuffix(ending.format(split)) for path in paths]
            names.sort(key=lambda name: (name != ENSEMBLE, name))
            found[split] = {}
            for name in names:
                path = folder / f"predictions/{name}_{split}.csv"
                found[split][name] = predictions_from_csv(path, rows, classes)
                self._keep(arm, name, split, rows, found[split][name], classes)
        return found

    def _made_elsewhere(self, arm, path, real, task):
        """Probabilities of both splits from one csv, copied into the run."""
        judged, found = real.where(split=["val", "test"]), {}
        y_prob = predictions_from_csv(path, judged, task.classes)
        for split in ("val", "test"):
            part = y_prob[(judged.table["split"] == split).to_numpy()]
            self._keep(arm, ENSEMBLE, split, real.split(split), part, task.classes)
            found[split] = {ENSEMBLE: part}
        return found

    def _keep(self, arm, model, split, rows, y_prob, classes):
        path = self.run.predictions / f"{arm}_{model}_{split}.csv"
        predictions_to_csv(path, rows, y_prob, classes)

    def _write(self, found, verdict, sources, n_val):
        run, comparison = self.run, found.comparison
        given = self.settings.predictions
        metrics = {**found.to_dict(), "verdict": verdict, "tone_sources": sources}
        metrics["predictions"] = given
        metrics["judged"] = "lesions" if self.of_lesions else "images"
        write_json(run / "metrics.json", metrics)
        write_csv(run / "metrics.csv", comparison.table())
        write_csv(run / "disparities.csv", comparison.disparities())
        write_csv(run / "gaps.csv", comparison.gaps())
        if not comparison.arms[comparison.reference].operating_points:
            print(f"no thresholds: no validation image is {comparison.positive}")
        if not found.conformal:
            print(f"no conformal sets: {n_val} validation images are too few")
        for arm, sets in found.conformal.items():
            sets.save(run / f"conformal/{arm}.json")
        if found.selective is not None:
            write_csv(run / "selective.csv", found.selective)

    def _describe_models(self, task, val, predicted):
        """Write beside each ensemble what predict.py needs to know of it."""
        photographs = photograph_facts(self.run.catalog.split("train"))
        for arm, found in predicted.items():
            path = self.run.arm(arm) / "ensemble.json"
            facts = prediction_facts(
                task, val, found["val"][ENSEMBLE], photographs, colour_rule(self.run)
            )
            write_json(path, self._described(arm) | facts)

    def _described(self, arm):
        """What the training of an arm wrote beside its ensemble."""
        path = self.run.arm(arm) / "ensemble.json"
        return read_json(path, "train_classifier", ("n_synthetic",))

    def _verdict(self, comparison):
        """What is said of every arm, and what one training of each cannot tell."""
        said = comparison.verdicts()
        if not said:
            return f"{comparison.reference} is judged alone: no other arm was trained."
        if self.settings.predictions:
            return " ".join([*said.values(), MADE_ELSEWHERE])
        if self.of_lesions:
            return " ".join([*said.values(), ONE_SEED_OF_LESIONS])
        reference, augmented = ARMS
        is_pair = comparison.reference == reference and augmented in said
        if is_pair and self._described(augmented)["n_synthetic"] == 0:
            said[augmented] = NOTHING_ADDED
        compared = any(sentence != NOTHING_ADDED for sentence in said.values())
        return " ".join([*said.values(), *([ONE_SEED] if compared else [])])


def draw_comparison(run, comparison):
    """Draw confusion matrices, differences and calibration of all arms."""
    arms = {_title(arm): found for arm, found in comparison.arms.items()}
    matrices = {name: found.confusion_matrix for name, found in arms.items()}
    classes = comparison.arms[comparison.reference].classes
    save_figure(run, "confusion", figures.confusion_matrices(matrices, classes))
    forests = figures.arm_forests(comparison.table(), comparison.reference)
    for name, figure in forests.items():
        save_figure(run, name, figure)
    bins = {name: pd.DataFrame(found.reliability) for name, found in arms.items()}
    save_figure(run, "reliability", figures.reliability(bins))


def draw_curves(run, found):
    """ROC with a band and net benefit of all arms, as figures and as a table."""
    positive = found.comparison.positive
    areas = {
        arm: interval_cell(dict(zip(("value", "low", "high"), area, strict=True)))
        for arm, area in found.auc.items()
    }
    bands = {f"{_title(a)}: AUC {areas[a]}": band for a, band in found.roc.items()}
    save_figure(run, "roc", figures.roc(bands, f"{positive} against the rest"))
    curves = {_title(arm): curve for arm, curve in found.decision_curves.items()}
    title = f"Net benefit of finding {positive}"
    save_figure(run, "net_benefit", figures.net_benefit(curves, title))
    tables = [curve.assign(arm=arm) for arm, curve in found.decision_curves.items()]
    write_csv(run / "decision_curves.csv", pd.concat(tables))


def _title(arm):
    return arm[0].upper() + arm[1:]
