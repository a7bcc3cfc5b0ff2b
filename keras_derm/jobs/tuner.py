"""A keras-tuner that trains one member of an ensemble a trial."""

import json
import os
import shutil

import keras
import keras_tuner
import pandas as pd

from keras_derm.files import write_json
from keras_derm.jobs.train_classifier import (
    remove_states,
    train_member,
    training_set,
)
from keras_derm.jobs.tune import trial_settings
from keras_derm.training import UnreadableData


class _WholeFiles:
    """State of an oracle in files that a kill or a full disk leaves as they were."""

    def save(self):
        write_json(self._get_oracle_fname(), self.get_state())

    def _save_trial(self, trial):
        folder = self._get_trial_dir(trial.trial_id)
        write_json(os.path.join(folder, "trial.json"), trial.get_state())


class RandomSearch(_WholeFiles, keras_tuner.oracles.RandomSearchOracle):
    """Tries what chance draws."""


class BayesianOptimization(_WholeFiles, keras_tuner.oracles.BayesianOptimizationOracle):
    """Tries what the trials before let hope for."""


class MemberTuner(keras_tuner.engine.base_tuner.BaseTuner):
    """Tuner whose trials train one classifier each.

    A trial lies in tuning/trial_ID of the run, where a training that was stopped goes
    on. A fault of the input or a full disk ends the search; a trial that cannot be
    computed (out of memory, say) is marked as failed, and the search goes on.

    Args:
        run: `RunDirectory` with prepared images.
        settings: Settings of `tune`.
        oracle: `RandomSearch` or `BayesianOptimization`.
    """

    def __init__(self, run, settings, oracle):
        self.run, self.settings = run, settings
        super().__init__(oracle, directory=str(run / "tuning"), project_name="search")

    def _get_tuner_fname(self):
        """The search has one state, whether it is run alone, or by a chief."""
        return os.path.join(self.project_dir, "oracle.json")

    def save(self):
        """Save the search; a worker's is the chief's to save."""
        if not self._is_worker():
            self.oracle.save()

    def reload(self):
        """Go on with the search that lies there."""
        if not self._is_worker():
            self.oracle.reload()

    def on_trial_begin(self, trial):
        """Save, so that a search that is stopped in its first trial knows of it."""
        super().on_trial_begin(trial)
        self.save()

    def run_trial(self, trial):
        """Train; return the best `val_auc`."""
        keras.backend.clear_session()
        values = trial.hyperparameters.values
        settings = trial_settings(self.settings, values)
        (member,) = settings["members"]
        folder = f"tuning/trial_{trial.trial_id}"
        print(f"{folder}: {json.dumps(values)}", flush=True)
        try:
            self._begin(folder, values)
            task, examples = training_set(self.run, folder, "nothing", settings)
            model = train_member(self.run, folder, member, 0, settings, task, *examples)
            remove_states(self.run, folder)
        except (OSError, ValueError, KeyError, UnreadableData) as error:
            raise keras_tuner.errors.FatalRuntimeError(str(error)) from error
        history = pd.read_csv(self.run / folder / model.name / "history.csv")
        score = history["val_auc"].max()
        if pd.isna(score):
            raise keras_tuner.errors.FailedTrialError("no class has a val AUC")
        return {"val_auc": float(score)}

    def _begin(self, folder, values):
        """Go on with the training in a folder only where it is of these values."""
        path = self.run / folder / "values.json"
        if path.is_file() and json.loads(path.read_text()) == values:
            return
        if path.parent.exists():
            print(f"{folder} holds a training with other values: removed", flush=True)
            shutil.rmtree(path.parent)
        write_json(path, values)
