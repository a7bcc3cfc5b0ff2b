"""Find how a classifier of this archive is best trained."""

import dataclasses
import os
import time

import keras_tuner
import pandas as pd

from keras_derm.files import write_csv, write_yaml
from keras_derm.jobs.tuner import (
    OBJECTIVE,
    BayesianOptimization,
    MemberTuner,
    RandomSearch,
    trial_settings,
)
from keras_derm.runs import Stage
from keras_derm.settings import (
    AuditSkinToneSettings,
    PrepareDatasetSettings,
    Recipe,
    TuneSettings,
)

WAIT_S = 60


class Tune(Stage):
    """Search learning rate, batch size, weight decay, dropout and augmentation.

    Example:
        >>> run_stage("tune", "runs/first", n_trials=40)
    """

    Settings = TuneSettings
    after = ("prepare_dataset",)
    writes = ("tuning",)
    extends = ("n_trials",)

    def do(self):
        if os.environ.get("KERASTUNER_ORACLE_IP") and not _is_chief():
            self.check()
            if self._chief_goes_on():
                self._search()
            return
        super().do()

    def check(self):
        trial_settings(self.settings, {"learning_rate": self.settings.learning_rate[0]})

    def make(self):
        self._write(self._search())

    def _chief_goes_on(self):
        """Wait for the chief's search; False where it is done.

        Raises:
            ValueError: The chief was started with other options.
            RuntimeError: There is no chief.
        """
        end, of_chief = time.monotonic() + WAIT_S, None
        wanted = self.settings
        while time.monotonic() < end:
            if self.run.done("tune") and self.run.settings(TuneSettings) == wanted:
                print("[tune] already done", flush=True)
                return False
            of_chief = self.run.begun(TuneSettings)
            if of_chief is not None:
                further = dataclasses.replace(of_chief, n_trials=wanted.n_trials)
                if further == wanted:
                    return True
            time.sleep(1)
        if of_chief is None:
            raise RuntimeError(
                f"no chief has begun a search here within {WAIT_S} s: start it first, "
                f"with the same run directory. Received: {self.run.path}"
            )
        raise ValueError(
            "a worker needs the options of its chief. Received: "
            + "; ".join(of_chief.differences(wanted))
        )

    def _search(self):
        """Run the trials; return the oracle that knows them."""
        settings = self.settings
        space = keras_tuner.HyperParameters()
        for name in ("learning_rate", "weight_decay"):
            least, greatest = getattr(settings, name)
            space.Float(name, least, greatest, sampling="log")
        for name in ("dropout", "augmentation_strength"):
            space.Float(name, *getattr(settings, name))
        for name in ("batch_size", "preset"):
            space.Choice(name, list(getattr(settings, name)))
        oracles = {"random": RandomSearch, "bayesian": BayesianOptimization}
        oracle = oracles[settings.search](
            objective=keras_tuner.Objective(OBJECTIVE, "max"),
            max_trials=settings.n_trials,
            seed=(settings.seed or 0) + 1,  # 0 would be none
            hyperparameters=space,
            allow_new_entries=False,
            tune_new_entries=False,
        )
        MemberTuner(self.run, settings, oracle).search()
        return oracle

    def _write(self, oracle):
        """Table of the trials, and a recipe with the settings of the best."""
        rows = [
            {
                "trial": trial.trial_id,
                OBJECTIVE: trial.score,
                **trial.hyperparameters.values,
            }
            for trial in oracle.trials.values()
        ]
        table = pd.DataFrame(rows).sort_values(OBJECTIVE, ascending=False)
        write_csv(self.run.tuning / "trials.csv", table)
        (first,) = oracle.get_best_trials(1)
        if first.score is None:
            raise RuntimeError(
                f"none of {len(table)} trials could be computed; what each tried is in "
                f"{self.run.tuning / 'trials.csv'}"
            )
        path = self.run.tuning / "recipe.yaml"
        write_yaml(path, self._recipe(first.hyperparameters.values))
        print(table.head(5).to_string(index=False))
        print(f"recipe: {path}")

    def _recipe(self, values):
        """Recipe of the stages of the search's own, with the best settings."""
        recipe = Recipe.load(self.settings.recipe, self.settings.scale)
        stages = recipe.stages
        for kind in (AuditSkinToneSettings, PrepareDatasetSettings):
            stages[kind.stage] |= self.run.settings(kind).to_dict()
        best = trial_settings(self.settings, values).to_dict()
        del best["arm"], best["adds"], best["n_copies"]
        stages["train_classifier"] |= best
        return {
            "name": f"{self.settings.recipe}_tuned",
            "scales": {"published": stages},
        }


def _is_chief():
    return "chief" in os.environ.get("KERASTUNER_TUNER_ID", "")
