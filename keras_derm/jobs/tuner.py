"""A keras-tuner that trains one member of an ensemble a trial."""

import dataclasses
import json
import os
import shutil

import keras
import keras_tuner
import pandas as pd

from keras_derm.classifiers import remove_states, train_member
from keras_derm.files import read_json, write_json
from keras_derm.jobs.train_classifier import arm_examples
from keras_derm.settings import Recipe, TrainClassifierSettings
from keras_derm.training import UnreadableData

OBJECTIVE = "val_auc"
SEARCHED = ("weight_decay", "dropout", "batch_size", "preset", "augmentation_strength")
GIVEN = ("task", "imbalance", "batch_norm_momentum", "optimization", "weights", "seed")


def trial_settings(settings, values):
    """Settings of the arm that a trial trains.

    Args:
        settings: `TuneSettings`.
        values: What the trial tries, by name.

    Returns:
        `TrainClassifierSettings` with the one member. What neither the search nor the
        trial says is as its recipe has it.
    """
    recipe = Recipe.load(settings.recipe, settings.scale).stages["train_classifier"]
    of_recipe = {k: v for k, v in recipe.items() if k not in ("arms", "precision")}
    given = {name: getattr(settings, name) for name in GIVEN}
    given = {name: value for name, value in given.items() if value is not None}
    tried = {name: values[name] for name in SEARCHED if name in values}
    rate = values["learning_rate"]
    member = dataclasses.replace(settings.member, learning_rate=rate)
    return TrainClassifierSettings.from_dict(
        of_recipe | given | tried | {"members": [member]}
    )


class _WholeFiles:
    """State of an oracle in files that a kill or a full disk leaves as they were."""

    def save(self):
        write_json(self._get_oracle_fname(), self.get_state())

    def _save_trial(self, trial):
        folder = self._get_trial_dir(trial.trial_id)
        write_json(os.path.join(folder, "trial.json"), trial.get_state())


class RandomSearch(_WholeFiles, keras_tuner.oracles.RandomSearchOracle):
    """Tries what chance draws.

    Example:
        >>> RandomSearch(max_trials=20, seed=1, hyperparameters=space)
    """


class BayesianOptimization(_WholeFiles, keras_tuner.oracles.BayesianOptimizationOracle):
    """Tries what the trials before let hope for.

    Example:
        >>> BayesianOptimization(max_trials=20, seed=1, hyperparameters=space)
    """


class MemberTuner(keras_tuner.engine.base_tuner.BaseTuner):
    """Tuner whose trials train one classifier each.

    A trial lies in tuning/trial_ID of the run, where a training that was stopped goes
    on. A fault of the input or a full disk ends the search; a trial that cannot be
    computed (out of memory, say) is marked as failed, and the search goes on.

    Args:
        run: `RunDirectory` with prepared images.
        settings: `TuneSettings`.
        oracle: `RandomSearch` or `BayesianOptimization`.

    Example:
        >>> MemberTuner(run, TuneSettings(n_trials=20), oracle).search()
    """

    def __init__(self, run, settings, oracle):
        self.run, self.settings = run, settings
        super().__init__(oracle, directory=str(run.tuning), project_name="search")

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
        (member,) = settings.members
        folder = self.run.tuning / f"trial_{trial.trial_id}"
        print(f"{folder}: {json.dumps(values)}", flush=True)
        try:
            self._begin(folder, values)
            examples = arm_examples(self.run, folder, settings)
            model = train_member(member, settings, examples, folder)
            remove_states(folder)
        except (OSError, ValueError, KeyError, UnreadableData) as error:
            raise keras_tuner.errors.FatalRuntimeError(str(error)) from error
        history = pd.read_csv(folder / model.name / "history.csv")
        score = history[OBJECTIVE].max()
        if pd.isna(score):
            raise keras_tuner.errors.FailedTrialError("no class has a val AUC")
        return {OBJECTIVE: float(score)}

    def _begin(self, folder, values):
        """Go on with the training in a folder only where it is of these values."""
        path = folder / "values.json"
        if path.is_file() and read_json(path, None) == values:
            return
        if path.parent.exists():
            print(f"{folder} holds a training with other values: removed", flush=True)
            shutil.rmtree(path.parent)
        write_json(path, values)
