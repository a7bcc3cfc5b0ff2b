"""What predict.py must know of a model beside its weights."""

from dataclasses import asdict

from keras_derm.jobs.evaluate import ALPHA

N_PHOTOGRAPHS = 500


def prediction_facts(run, task, val, val_prob, photographs=None):
    """Facts that are written into the .json beside a model.

    Args:
        run: `RunDirectory` of the model.
        task: `Task` with the model's classes.
        val: `Catalog` of the validation images.
        val_prob: What the model says of them, `(n, n_classes)`.
        photographs: What `photograph_facts` returned, where it is known; else it is
            measured.

    Returns:
        Dict of `conformal`, thresholds of the prediction sets for each group of tones
        (None where the validation images are too few); `photographs`; and
        `skin_tone`, the rule and table by which the audit measured it.
    """
    import numpy as np

    from keras_derm import evaluation

    audit = run.settings("audit")
    conformal = None
    if len(val) >= evaluation.least_images(ALPHA):
        # By ITA also where a person said the type, as predict.py has nothing else.
        tones = evaluation.skin_tone_strata(val.table["ita_tone"])["skin_tone_pooled"]
        sets = evaluation.fit_conformal(
            task.targets(val), val_prob, np.asarray(tones), task.classes, ALPHA
        )
        conformal = asdict(sets)
    return {
        "conformal": conformal,
        "photographs": photographs or photograph_facts(run),
        "skin_tone": {key: audit[key] for key in ("rule", "thresholds")},
    }


def photograph_facts(run):
    """Limits measured on the run's original training photographs.

    Args:
        run: `RunDirectory` with prepared images.

    Returns:
        What `PhotographLimits.from_dict` takes, or None where they are too few or no
        longer there, which the prepared images do without.
    """
    import numpy as np
    from rich.progress import track

    from keras_derm.catalog import ImageError, read_image
    from keras_derm.export.photograph_limits import (
        LEAST_PHOTOGRAPHS,
        fit_photograph_limits,
    )

    paths = np.array(run.catalog.split("train").paths)
    if len(paths) < LEAST_PHOTOGRAPHS:
        return None
    chosen = np.random.default_rng(0).permutation(paths)[:N_PHOTOGRAPHS]
    shown = track(chosen, "Limits of photographs", transient=True)
    try:
        return fit_photograph_limits(read_image(path) for path in shown).to_dict()
    except ImageError as error:
        print(f"predict.py will not warn of odd photographs with this model: {error}")
        return None
