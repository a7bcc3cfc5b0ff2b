"""Prediction sets that hold the true class equally often whatever the colour or class.

A classifier that must name one class is wrong more often on the groups it saw less
of, and on rare diagnoses. A conformal set names every class that cannot be ruled out;
it holds the true one with a stated probability, in each group of photographs and of
each class (Mondrian), whatever the classifier is worth. The groups must be known of a
new photograph too: they are those of its colour, which can always be measured, and not
of the person, whose tone mostly is not known.
"""

import json
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd

from keras_derm.evaluation.class_scores import metrics, subgroups
from keras_derm.evaluation.class_scores.photograph_colour import catalog_colours
from keras_derm.evaluation.class_scores.weighted_ranking import sums_by_cluster
from keras_derm.evaluation.statistics import bootstrap
from keras_derm.files import write_json

MARGINAL = "all"
NOT_GUARANTEED = "threshold of all groups, coverage not guaranteed"
ALPHA = 0.1
"""Share of the sets that may miss the true class."""


@dataclass(frozen=True)
class ConformalSets:
    """Least probability at which a class is in the set: the group's or the class' own.

    The lower of both counts, so that a set holds the truth as often as is said among
    the photographs of a group and among those of a class.

    Args:
        classes: class names.
        alpha: the true class is missing from the set with at most this probability.
        thresholds: dict from group to least probability; `all` is over all groups.
        n: dict from group to the number of validation images it was fitted on.
        reasons: dict from group to why it uses the threshold of `all`, for which
            its coverage is not guaranteed; a group not named here and not fitted
            does too.
        class_thresholds: dict from class to its least probability, of those with
            validation images enough; of any other no coverage of its own is promised.
        n_of_class: dict from class to the number of its validation images.

    Example:
        >>> sets = fit_conformal(val_true, val_prob, val_colour, classes, alpha=0.1)
        >>> member = sets.predict(test_prob, test_colour)
        >>> refer = sets.abstain(member)
    """

    classes: tuple
    alpha: float
    thresholds: dict
    n: dict
    reasons: dict
    class_thresholds: dict = field(default_factory=dict)
    n_of_class: dict = field(default_factory=dict)

    def predict(self, y_prob, groups):
        """Return the sets.

        Args:
            y_prob: probabilities, shape `(n, classes)`.
            groups: group of each image, shape `(n,)`. A group that was not fitted
                has the threshold of `all`.

        Returns:
            bool array of shape `(n, classes)`. A row may be empty; if it is not, the
            class of highest probability is in it.
        """
        groups = np.asarray(groups)
        y_prob = metrics.check_probabilities(y_prob, len(groups), len(self.classes))
        marginal = self.thresholds[MARGINAL]
        names, index = np.unique(groups.astype(str), return_inverse=True)
        least = np.array([self.thresholds.get(name, marginal) for name in names])
        own = [self.class_thresholds.get(name, np.inf) for name in self.classes]
        member = y_prob >= np.minimum(least[index][:, np.newaxis], own)
        named = np.arange(len(self.classes)) == y_prob.argmax(axis=1)[:, np.newaxis]
        return member | named & member.any(axis=1, keepdims=True)

    @staticmethod
    def abstain(sets):
        """Say where the model does not decide: its set does not name one class alone.

        Args:
            sets: bool array of shape `(n, classes)`.

        Returns:
            bool array of shape `(n,)`: refer these to a person.
        """
        return np.asarray(sets).sum(axis=1) != 1

    def unpromised(self, name):
        """Why no coverage of its own is promised of a class, "" where it is."""
        if name in self.class_thresholds:
            return ""
        n, needed = self.n_of_class.get(name, 0), least_images(self.alpha)
        return f"{n} validation images, {needed} are needed: no coverage of its own"

    def save(self, path):
        """Write as JSON."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path):
        """Read what `save` wrote."""
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        return cls(**{**content, "classes": tuple(content["classes"])})


def fit_conformal(y_true, y_prob, groups, classes, alpha=ALPHA):
    """Fit the thresholds on validation images, group by group and class by class.

    The set of a new image of a fitted group holds its true class with probability
    1 - alpha or more, if the image could as well have been one of the group's
    validation images, and so does that of an image of a fitted class. Several
    photographs of one lesion tell less than as many lesions: give one of each for the
    guarantee to the letter.

    Args:
        y_true: class indices of validation images, shape `(n,)`.
        y_prob: their probabilities, shape `(n, classes)`.
        groups: group of each, shape `(n,)`, such as the colour of the photograph.
        classes: class names.
        alpha: the share of sets that may miss the true class, in (0, 1).

    Returns:
        A `ConformalSets`. A group of fewer than (1 - alpha) / alpha images (9 for
        0.1) cannot be fitted and takes the threshold of all, with the reason; a class
        of fewer has no threshold of its own.

    Raises:
        ValueError: if a shape or value is wrong, or all images are too few.

    Reference:
        Vovk, Conditional Validity of Inductive Conformal Predictors (2012); Sadinle,
        Lei and Wasserman, Least Ambiguous Set-Valued Classifiers (2019).
    """
    if not 0 < alpha < 1:
        raise ValueError(f"`alpha` must be in (0, 1). Received: alpha={alpha}")
    classes = tuple(classes)
    y_true = metrics.check_targets(y_true, classes)
    y_prob = metrics.check_probabilities(y_prob, len(y_true), len(classes))
    groups = np.asarray(groups).astype(str)
    if groups.shape != y_true.shape:
        raise ValueError(
            f"`groups` must have shape {y_true.shape}. Received: shape {groups.shape}"
        )
    of_truth = y_prob[np.arange(len(y_true)), y_true]
    needed = least_images(alpha)
    if len(y_true) < needed:
        raise ValueError(
            f"alpha={alpha} needs {needed} validation images or more. "
            f"Received: {len(y_true)}"
        )
    thresholds, n = {MARGINAL: _threshold(of_truth, alpha)}, {MARGINAL: len(y_true)}
    reasons = {}
    for group in np.unique(groups):
        of_group = of_truth[groups == group]
        n[group] = len(of_group)
        if len(of_group) < needed:
            few = f"{len(of_group)} validation images, {needed} are needed"
            reasons[group] = f"{few}: {NOT_GUARANTEED}"
        else:
            thresholds[group] = _threshold(of_group, alpha)
    n_of_class = dict(
        zip(classes, np.bincount(y_true, minlength=len(classes)).tolist(), strict=True)
    )
    class_thresholds = {
        name: _threshold(of_truth[y_true == index], alpha)
        for index, name in enumerate(classes)
        if n_of_class[name] >= needed
    }
    return ConformalSets(
        classes, alpha, thresholds, n, reasons, class_thresholds, n_of_class
    )


def fit_conformal_by_colour(val, task, y_prob, alpha=ALPHA):
    """Fit the thresholds by the colour of the photographs, see `photograph_colour`.

    Args:
        val: `Catalog` of the validation images, with their ITA.
        task: `Task` whose classes are told apart.
        y_prob, alpha: as in `fit_conformal`.

    Returns:
        A `ConformalSets`, or None where all images are too few.
    """
    if len(val) < least_images(alpha):
        return None
    colours = catalog_colours(val)
    return fit_conformal(task.targets(val), y_prob, colours, task.classes, alpha)


def least_images(alpha):
    """Number of validation images below which no threshold has coverage 1 - alpha."""
    return int(np.ceil((1 - alpha) / alpha - 1e-9))


def _threshold(of_truth, alpha):
    """The floor(alpha (n + 1))-th smallest probability of a true class."""
    rank = int(np.floor(alpha * (len(of_truth) + 1) + 1e-9))
    return float(np.sort(of_truth)[rank - 1])


def selective_table(
    y_true, y_prob, sets, groups, clusters=None, seed=0, n_replicates=2000, level=0.95
):
    """Judge prediction sets, and what the model decides alone, by group and by class.

    Args:
        y_true, y_prob: classes and probabilities of test images, as in `evaluate`.
        sets: `ConformalSets` fitted on val.
        groups: group of each image, shape `(n,)`; a categorical keeps its order.
        clusters: patient or lesion of each image, the unit of the bootstrap.
        seed, n_replicates, level: as in `evaluate`.

    Returns:
        DataFrame with a row for all, for each group and for each true class that
        occurs: `by` (`"all"`, `"group"` or `"class"`), `group` (its name), `n`,
        `coverage` (share of sets that hold the true class), `decided` (share of images
        whose set is one class) and `accuracy` (of those), each with `_low` and `_high`,
        NaN where every resample gives the same; `set_size` (mean) and `reason`, which
        says where coverage is not guaranteed or the images are too few to judge.
    """
    member = sets.predict(y_prob, groups)
    levels = pd.Categorical(groups).remove_unused_categories().categories
    y_true, groups = np.asarray(y_true), np.asarray(groups).astype(str)
    rated = [("all", MARGINAL, np.ones(len(y_true), bool))]
    rated += [("group", name, groups == name) for name in levels.astype(str)]
    rated += [
        ("class", sets.classes[index], y_true == index) for index in np.unique(y_true)
    ]
    covered = member[np.arange(len(y_true)), y_true]
    decided = ~sets.abstain(member)
    rows = []
    cluster, n_clusters = bootstrap.cluster_index(clusters, len(y_true))
    for by, group, mask in rated:
        row = {"by": by, "group": group, "n": int(mask.sum())}
        for name, hit, of in (
            ("coverage", covered & mask, mask),
            ("decided", decided & mask, mask),
            ("accuracy", covered & decided & mask, decided & mask),
        ):
            share = _share(hit, of, cluster, n_clusters)
            ((value, low, high),) = bootstrap.values_with_intervals(
                share, n_clusters, n_replicates, seed, level
            )
            if low == high:
                low, high = np.nan, np.nan
            row |= {name: value, f"{name}_low": low, f"{name}_high": high}
        row["set_size"] = float(member[mask].sum(axis=1).mean())
        row["reason"] = _reason(sets, by, group, len(np.unique(cluster[mask])))
        rows.append(row)
    return pd.DataFrame(rows)


def _reason(sets, by, group, n_clusters):
    reasons = []
    if n_clusters < subgroups.LEAST_POSITIVES:
        few = f"images from {n_clusters} patients or lesions"
        reasons.append(f"{subgroups.TOO_FEW}: {few}")
    if by == "class":
        reasons += filter(None, [sets.unpromised(group)])
    elif group in sets.reasons:
        reasons.append(sets.reasons[group])
    elif group not in sets.thresholds:
        reasons.append(f"no validation images: {NOT_GUARANTEED}")
    return "; ".join(reasons)


def _share(hit, of, cluster, n_clusters):
    """Share of some images among others, as a function of cluster weights."""
    sums = sums_by_cluster([hit * 1.0, of * 1.0], cluster, n_clusters)
    return lambda weights: metrics.ratio(*(sums @ weights))[np.newaxis]
