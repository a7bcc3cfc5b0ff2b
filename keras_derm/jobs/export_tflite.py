"""Job: the quantised ensemble."""

from typing import Literal

from keras_derm.jobs.evaluate import chosen_arm
from keras_derm.runs import RunDirectory

N_TIMED = 100


def export_tflite(
    run: str,
    arm: Literal["chosen", "baseline", "augmented"] = "chosen",
    mode: Literal["int8", "dynamic", "float16"] = "int8",
    n_representative: int = 200,
    seed: int = 0,
):
    """Quantise the ensemble as TFLite and measure what that cost on real test images.

    Writes export/ensemble_<mode>.tflite with its description, and export/cost.json:
    agreement with the float model, balanced accuracy of both, size, latency.

    Args:
        run: Run directory that has been evaluated.
        arm: Whose ensemble to export; chosen is the better one on validation.
        mode: How to quantise.
        n_representative: Training images, spread over diagnoses and tones, by which
            int8 sets its ranges.
        seed: Seed of their choice.
    """
    settings = {
        "arm": arm,
        "mode": mode,
        "n_representative": n_representative,
        "seed": seed,
    }
    run = RunDirectory(run)
    with run.stage(
        "export", settings, after=["evaluation"], folders=["export"]
    ) as todo:
        if todo:
            _export(run, **settings)


def _export(run, arm, mode, n_representative, seed):
    import json

    import numpy as np

    from keras_derm import export
    from keras_derm.catalog import get_task
    from keras_derm.classifiers import load_classifier
    from keras_derm.evaluation import predictions_from_csv
    from keras_derm.files import write_json
    from keras_derm.pipeline import PreparedImages

    arm = chosen_arm(run, arm)
    described = json.loads((run / arm / "ensemble.json").read_text())
    task = get_task(run.settings(arm)["task"])
    task = task.present_in(run.catalog.split("train"))
    rows = run.catalog.where(task.covers(run.catalog))
    prepared = PreparedImages.load(run / "prepared/real")
    train, test = rows.split("train"), rows.split("test")
    chosen = _spread_over_cells(train, n_representative, seed)
    representative = prepared.take(prepared.indices(train)[chosen])
    model = load_classifier(run / arm / "ensemble.keras")
    path = run / f"export/ensemble_{mode}.tflite"
    sidecar = export.export_tflite(model, path, representative, mode, task.classes)
    write_json(path.with_suffix(".json"), {**sidecar, "preset": described["preset"]})
    quantized = export.QuantizedModel(path)
    images = prepared.take(prepared.indices(test))
    y_float = predictions_from_csv(
        run / f"predictions/{arm}_ensemble_test.csv", test, task.classes
    )
    y_quantized = _predict(quantized, images)
    cost = {
        "mode": mode,
        "arm": arm,
        **export.agreement(y_float, y_quantized),
        "float_size_bytes": 4 * model.count_params(),  # float32 weights alone
        "size_bytes": export.size_bytes(path),
        "latency": export.latency(quantized.predict, images[0], N_TIMED),
        "float_latency": export.latency(
            lambda batch: model.predict_on_batch(batch.astype(np.float32)),
            images[0],
            N_TIMED,
        ),
        "scores": _scores(task, test, y_float, y_quantized),
    }
    write_json(run / "export/cost.json", cost)
    print(
        f"{path.name}: {cost['size_bytes'] / 1e6:.1f} MB, same class as the float "
        f"model on {cost['argmax_agreement']:.1%} of {len(test)} test images, "
        f"{cost['latency']['median_ms']:.1f} ms an image"
    )


def _spread_over_cells(catalog, n, seed):
    """Positions of `n` rows, cells of diagnosis and tone in turn."""
    import numpy as np

    table = catalog.table.sample(frac=1, random_state=seed)
    turn = table.groupby(["diagnosis", "skin_tone"], dropna=False).cumcount()
    order = np.argsort(turn.to_numpy(), kind="stable")
    return table.index.to_numpy()[order[:n]]


def _predict(quantized, images, batch_size=64):
    import numpy as np
    from rich.progress import track

    starts = range(0, len(images), batch_size)
    return np.concatenate(
        [
            quantized.predict(images[start : start + batch_size])
            for start in track(starts, "Quantised predictions")
        ]
    )


def _scores(task, test, y_float, y_quantized):
    """Float against quantised on the test images, with the paired difference."""
    from keras_derm import evaluation

    inputs = evaluation.inputs_from_catalog(test, task)
    comparison = evaluation.compare(
        **inputs,
        y_prob_baseline=y_float,
        y_prob_augmented=y_quantized,
        positive=task.classes[task.positive_class],
    )
    table = comparison.table().rename(
        columns=lambda name: name.replace("baseline", "float").replace(
            "augmented", "quantised"
        )
    )
    shown = ["balanced_accuracy", "macro_auc", "sensitivity", "specificity"]
    return table[table["metric"].isin(shown)].to_dict("records")
