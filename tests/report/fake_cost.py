"""What export/cost.json holds of a small export."""


def score(value, stratum, n, judged, metric="macro_auc"):
    row = {"arm": "quantised", "stratum": stratum, "value_of_stratum": value, "n": n}
    row |= {"judged": judged, "metric": metric, "label": metric.replace("_", " ")}
    row |= {"reason": "" if judged else "too few to judge: 1 patient; no interval"}
    for quantity, middle in (
        ("reference", 0.9),
        ("value", 0.88),
        ("difference", -0.02),
        ("agreement", 0.95),
    ):
        row |= {quantity: middle, f"{quantity}_low": None, f"{quantity}_high": None}
    return row


def times(median):
    return {"median_ms": median, "p95_ms": 2 * median}


COST = {
    "arm": "copies_5x",
    "mode": "int8",
    "members": [{"name": "resnet50_224", "weight": 1.0, "mode": "int8"}],
    "n_images": 1500,
    "argmax_agreement": 0.987,
    "scores": [
        score("all", "all", 1500, True),
        score("all", "all", 1500, True, "sensitivity"),
        score("light", "tone_group", 900, True),
        score("dark", "tone_group", 4, False),
        score("medium", "tone_group", 0, False),
    ],
    "float_size_bytes": 40e6,
    "size_bytes": 10e6,
    "latency": {
        "1": {"float": times(20.0), "quantised": times(5.0)},
        "8": {"float": times(80.0), "quantised": times(40.0)},
    },
    "memory": {"float": {"peak_mb": 900.0}, "quantised": {"peak_mb": 60.0}},
    "gate": {
        "on": True,
        "groups": [
            {"group": "all", "n": 1500, "difference": -0.02, "margin": 0.005}
            | {"difference_low": -0.03, "difference_high": -0.01}
            | {"verdict": "refused"},
            {"group": "tone group medium", "n": 0},
        ],
    },
    "refusal": "",
}
