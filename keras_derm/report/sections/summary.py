"""Summary: the verdict, who is in the archive, what was judged on what."""

from keras_derm.catalog import count_seen_in_training
from keras_derm.evaluation import describe_tone_sources
from keras_derm.report.html import Callout, Text
from keras_derm.report.run_files import listed, positive_words, read_json, read_metrics
from keras_derm.report.sections.training import differing_settings

LESIONS = "lesions"
"""What metrics.json says was judged, where it was no single photographs."""

INPUT_WORDS = {
    "dermoscopic": "the dermoscopic photograph",
    "close_up": "the clinical close-up",
    "table": "a table of what is known",
}


def blocks(run):
    """Return the blocks that are read first.

    Raises:
        FileNotFoundError: The run has not been evaluated.
    """
    metrics = read_metrics(run)
    catalog, reference = run.catalog, metrics["reference"]
    found = metrics["arms"][reference]["strata"][0]["metrics"]
    return [
        Callout("finding", metrics["verdict"]),
        Text(
            f"The archive holds {len(catalog):,} photographs. "
            f"{describe_tone_sources(catalog.table)}\n\n{_origin(run, metrics)}\n\n"
            f"The {reference} model finds "
            f"{_percent(found['sensitivity'])} of the {positive_words(metrics)[1]} "
            "(sensitivity) and clears "
            f"{_percent(found['specificity'])} of the other lesions (specificity)."
        ),
    ]


def _origin(run, metrics):
    """Where the judged models come from, and on what they were judged."""
    arms, reference = list(metrics["arms"]), metrics["reference"]
    n_test = metrics["arms"][reference]["strata"][0]["n"]
    judged = f"the same {n_test:,} real test images"
    if metrics["predictions"]:
        files = ", ".join(f"{arm} from {metrics['predictions'][arm]}" for arm in arms)
        return f"Predictions made elsewhere were judged on {judged}: {files}."
    if metrics.get("judged") == LESIONS:
        return _lesions_origin(run, arms, n_test)
    described = {
        arm: read_json(run.arm(arm) / "ensemble.json", "train_classifier")
        for arm in arms
    }
    first = described.pop(reference)
    averaged = ", averaged" if len(first["members"]) > 1 else ""
    learned = [
        f"The {reference} model ({listed(first['members'])}{averaged}) learned from "
        f"{_examples(first)}",
        *(f"{arm} from {_examples(one, first)}" for arm, one in described.items()),
    ]
    steps = ""
    if len(arms) > 1 and not differing_settings(run, arms):
        steps = ", with the same number of training steps"
    return (
        f"{'; '.join(learned)}{steps}. Every arm was judged on {judged}. "
        f"{_seen_in_training(run)}"
    )


def _lesions_origin(run, arms, n_test):
    """What the classifiers of lesions were given, and on what they were judged."""
    given = {
        arm: read_json(
            run.lesions(arm) / "lesion_classifier.json",
            "train_lesion_classifier",
            ("inputs", "n_train"),
        )
        for arm in arms
    }
    n_train = given[arms[0]]["n_train"]
    inputs = "; ".join(
        f"{arm} is given {listed([INPUT_WORDS[name] for name in one['inputs']])}"
        for arm, one in given.items()
    )
    return (
        f"Every arm learned from the same {n_train:,} lesions, and was judged on the "
        f"same {n_test:,}, each counted once: {inputs}. {_seen_in_training(run)}"
    )


def _examples(described, reference=None):
    """What an arm learned from, beside the real images of the reference."""
    real = f"{described['n_real']:,} real images"
    if reference is not None and described["n_real"] == reference["n_real"]:
        real = "the same"
    parts = [real]
    for key, kind in (
        ("n_synthetic", "synthetic images"),
        ("n_copies", "altered copies of them"),
    ):
        if described[key]:
            parts.append(f"{described[key]:,} {kind}")
    return listed(parts)


def _seen_in_training(run):
    """Whether lesions or patients of the test images were trained on."""
    table = run.catalog.table
    n_seen = count_seen_in_training(run.catalog)
    if n_seen:
        return f"{n_seen:,} of these are of a lesion or patient that was trained on."
    tested = table[table["split"] == "test"]
    n_unknown = int(tested[["patient_id", "lesion_id"]].isna().all(axis=1).sum())
    if n_unknown:
        return (
            f"For {n_unknown:,} the archive names neither patient nor lesion, so these "
            "may have been trained on; the others were not."
        )
    return "None of their lesions or patients was trained on."


def _percent(metric):
    if metric["value"] is None:
        return f"an unknown share ({metric['reason']})"
    text = f"{metric['value']:.0%}"
    if metric["low"] is not None:
        text += f" (95 % interval {metric['low']:.0%} to {metric['high']:.0%})"
    return text
