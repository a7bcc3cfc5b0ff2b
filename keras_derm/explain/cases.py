"""Pick the test cases that a reader of the report should see."""

import numpy as np
import pandas as pd


def choose_cases(y_true, y_prob, classes, n_each=4, positive_class=None, groups=None):
    """Choose correct decisions, missed melanomas and false alarms.

    The same input always gives the same cases: the most telling ones, ties broken by
    position. Correct cases are the surest of each class in turn; missed melanomas
    are those to which the model gave the least melanoma probability; false alarms
    those to which it gave the most.

    Args:
        y_true: int array `(n,)`, indices into `classes`.
        y_prob: float array `(n, n_classes)`.
        classes: Class names, in the order of the columns of `y_prob`.
        n_each: Most cases of each kind, in each group.
        positive_class: Index of melanoma. Default: `"MEL"` in `classes`, else the
            second of two classes.
        groups: The group of each image `(n,)`, such as its tone group; a
            categorical keeps the order of its categories. Default: one group, `all`.

    Returns:
        DataFrame with the columns `group`, `position` (row in `y_true`), `kind`
        (`correct`, `missed_melanoma`, `false_alarm`), `y_true` and `y_pred`
        (indices), `true_class` and `predicted_class` (names), `probability` (of the
        predicted class) and `positive_probability`. A kind that does not occur in a
        group has no rows there.

    Raises:
        ValueError: If shapes do not fit or melanoma is not known.
    """
    y_true, y_prob = np.asarray(y_true), np.asarray(y_prob, "float64")
    classes = list(classes)
    if y_prob.shape != (len(y_true), len(classes)):
        raise ValueError(
            f"`y_prob` must have the shape {(len(y_true), len(classes))}. "
            f"Received: {y_prob.shape}"
        )
    positive = _positive_class(classes, positive_class)
    y_pred = y_prob.argmax(axis=1)
    is_positive, called_positive = y_true == positive, y_pred == positive
    likelihood = y_prob[:, positive]
    groups = pd.Categorical(["all"] * len(y_true) if groups is None else groups)
    if len(groups) != len(y_true):
        raise ValueError(
            f"`groups` must name a group for each of {len(y_true)} images. "
            f"Received: {len(groups)}"
        )
    cases = []
    for group in groups.categories:
        inside = np.asarray(groups == group)
        missed, alarmed = is_positive & ~called_positive, ~is_positive & called_positive
        chosen = {
            "correct": _surest_of_each_class(inside, y_true, y_pred, y_prob),
            "missed_melanoma": _ordered(inside & missed, likelihood),
            "false_alarm": _ordered(inside & alarmed, -likelihood),
        }
        for kind, rows in chosen.items():
            cases += [(group, int(row), kind) for row in rows[:n_each]]
    found = pd.DataFrame(cases, columns=["group", "position", "kind"])
    position = found["position"].to_numpy("int64")
    return found.assign(
        position=position,
        y_true=y_true[position],
        y_pred=y_pred[position],
        true_class=[classes[i] for i in y_true[position]],
        predicted_class=[classes[i] for i in y_pred[position]],
        probability=y_prob.max(axis=1)[position],
        positive_probability=likelihood[position],
    )


def _positive_class(classes, positive_class):
    if positive_class is not None:
        return positive_class
    if "MEL" in classes:
        return classes.index("MEL")
    if len(classes) == 2:
        return 1
    raise ValueError(
        "`positive_class` must be given where no class is called MEL. "
        f"Received: classes={classes}"
    )


def _ordered(mask, key):
    """Positions where `mask`, by rising `key`."""
    positions = np.flatnonzero(mask)
    return positions[np.argsort(key[positions], kind="stable")]


def _surest_of_each_class(inside, y_true, y_pred, y_prob):
    """Positions of right decisions: each class's surest, then the second, ..."""
    table = pd.DataFrame({"label": y_true, "confidence": y_prob.max(axis=1)})
    table = table[inside & (y_true == y_pred)].sort_values(
        "confidence", ascending=False, kind="stable"
    )
    table["rank"] = table.groupby("label").cumcount()
    return table.sort_values(["rank", "label"], kind="stable").index.to_numpy()
