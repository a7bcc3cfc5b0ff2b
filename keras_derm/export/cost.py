"""What quantisation cost, on real test images and in time and memory."""

import numpy as np
from rich.progress import track

from keras_derm import evaluation
from keras_derm.classifiers import ensemble_members, ensemble_weights
from keras_derm.export.measure import latency_in_turns

FLOAT, QUANTISED = "float", "quantised"
N_TIMED = {1: 100, 8: 30}
"""Batch sizes, and calls that are timed of each."""

SHOWN = (
    "balanced_accuracy",
    "macro_auc",
    "sensitivity",
    "specificity",
    "brier_score",
    "expected_calibration_error",
)
GROUPS = (evaluation.TONE, "photograph_colour")
"""Groups of people, and of photographs, that quantisation might serve worse."""

_INTERVAL = {"": "value", "_low": "low", "_high": "high"}


def quantisation_scores(test, task, y_float, y_quantised, n_replicates=2000, seed=0):
    """Compare float and quantised model, paired, by tone of skin and by colour.

    Args:
        test: `Catalog` of the real test images.
        task: `Task` whose classes the models tell apart.
        y_float: Probabilities of the float model, `(n, n_classes)`.
        y_quantised: Those of the quantised model, for the same images.
        n_replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Returns:
        List of dicts, one for each group and metric: the columns of
        `Comparison.table` with the float model as `reference` and the quantised one as
        `value`, and `agreement` with `agreement_low` and `agreement_high`, the share
        of images on which both name the same class.
    """
    inputs = evaluation.inputs_from_catalog(test, task, GROUPS)
    draw = {"n_replicates": n_replicates, "seed": seed}
    y_prob = {FLOAT: y_float, QUANTISED: y_quantised}
    table = evaluation.compare(y_prob=y_prob, reference=FLOAT, **inputs, **draw).table()
    table = table[table["arm"] == QUANTISED]
    # How often both name the same class is the accuracy of one on the other.
    inputs["y_true"] = y_float.argmax(axis=1)
    same = evaluation.evaluate(y_prob=y_quantised, **inputs, **draw).table()
    same = same[same["metric"] == "accuracy"].set_index(["stratum", "value_of_stratum"])
    rows = table[table["metric"].isin(SHOWN)].to_dict("records")
    for row in rows:
        agreed = same.loc[(row["stratum"], row["value_of_stratum"])]
        row |= {f"agreement{end}": agreed[key] for end, key in _INTERVAL.items()}
    return rows


def predict_quantised(quantised, prepared, indices, batch_size=64):
    """Probabilities `(n, n_classes)` of a `QuantizedEnsemble`, batch by batch.

    They are of the `PreparedImages` at the positions `indices`, `(n,)`.
    """
    starts = range(0, len(indices), batch_size)
    return np.concatenate(
        [
            quantised.predict(prepared.take(indices[start : start + batch_size]))
            for start in track(starts, "Quantised predictions", transient=True)
        ]
    )


def member_rows(model, quantised):
    """Names, weights and modes of what is averaged, however many files hold it.

    Returns:
        List of dicts of `name`, `weight`, `mode` and `method`, one for each member of
        the float ensemble `model`.
    """
    names = [member.name for member in ensemble_members(model)]
    listed = quantised.description.get("members", [quantised.description])
    listed = listed * (len(names) // len(listed))
    return [
        {"name": name, "weight": weight, "mode": file["mode"], "method": file["method"]}
        for name, weight, file in zip(
            names, ensemble_weights(model), listed, strict=True
        )
    ]


def latency_of_both(model, quantised):
    """Milliseconds a call, float model and `QuantizedEnsemble` in turns.

    Returns:
        Dict from a batch size, as text, to what `latency_in_turns` returned.
    """
    generator = np.random.default_rng(0)
    found = {}
    for batch_size, n in N_TIMED.items():
        shape = (batch_size, *quantised.image_size, 3)
        images = generator.integers(0, 256, shape).astype("float32")
        predicts = {FLOAT: model.predict_on_batch, QUANTISED: quantised.predict}
        found[str(batch_size)] = latency_in_turns(predicts, images, n)
    return found


def spread_over_cells(catalog, n, seed):
    """Choose rows by which ranges are set, cells of diagnosis and colour in turn.

    It is the colour of the photographs that the ranges must hold.

    Returns:
        Positions in the `Catalog` of training images, `(at most n,)`.
    """
    table = catalog.table.assign(colour=evaluation.catalog_colours(catalog))
    table = table.sample(frac=1, random_state=seed)
    turn = table.groupby(["diagnosis", "colour"], observed=True).cumcount()
    order = np.argsort(turn.to_numpy(), kind="stable")
    return table.index.to_numpy()[order[:n]]
