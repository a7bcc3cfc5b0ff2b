"""A keras-tuner that trains one member of an ensemble a trial."""

import json

import keras
import keras_tuner
import pandas as pd

from keras_derm.jobs.train_classifier import train_member, training_set
from keras_derm.jobs.tune import trial_settings


class MemberTuner(keras_tuner.engine.base_tuner.BaseTuner):
    """Tuner whose trials train one classifier each.

    A trial lies in tuning/trial_ID of the run, where a training that was stopped goes
    on. A fault of the input or a full disk ends the search; a trial that cannot be
    computed (out of memory, say) is marked as failed, and the search goes on.

    Args:
        run: `RunDirectory` with prepared images.
        settings: Settings of `tune`.
        oracle: `keras_tuner.Oracle` that chooses what is tried.
    """

    def __init__(self, run, settings, oracle):
        self.run, self.settings = run, settings
        super().__init__(oracle, directory=str(run / "tuning"), project_name="search")

    def on_trial_begin(self, trial):
        """Save, so that a search that is stopped in its first trial knows of it."""
        super().on_trial_begin(trial)
        self.save()

    def run_trial(self, trial):
        """Train; return the best `val_auc`."""
        keras.backend.clear_session()
        settings = trial_settings(self.settings, trial.hyperparameters.values)
        (member,) = settings["members"]
        folder = f"tuning/trial_{trial.trial_id}"
        print(f"{folder}: {json.dumps(trial.hyperparameters.values)}", flush=True)
        try:
            task, examples = training_set(self.run, folder, "nothing", settings)
            model = train_member(self.run, folder, member, 0, settings, task, *examples)
        except (OSError, ValueError, KeyError) as error:
            raise keras_tuner.errors.FatalRuntimeError(str(error)) from error
        history = pd.read_csv(self.run / folder / model.name / "history.csv")
        score = history["val_auc"].max()
        if pd.isna(score):
            raise keras_tuner.errors.FailedTrialError("no class has a val AUC")
        return {"val_auc": float(score)}
