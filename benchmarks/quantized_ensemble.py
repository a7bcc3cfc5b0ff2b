"""A trained ensemble: Keras, ours quantised, and ONNX Runtime in float32 and int8.

The same weights in all of them, on the same real test images, in one run: what each
conversion costs (differences to float Keras with paired intervals, lesions drawn), its
size, and its latency with all contenders in turns on the same number of threads.

ONNX Runtime's int8 is static, in QDQ form and per channel, with ranges from the same
representative training images as ours. Its float32 model is made from Keras' SavedModel
by tf2onnx, and its probabilities are printed beside Keras' to show that the weights are
the same (Keras' own `export(format="onnx")` leaves the constants of EfficientNet's
Normalization as inputs). These packages are no requirement of keras_derm; what they
need themselves, TensorFlow has brought:

    pip install --no-deps --target onnx onnx==1.23.2 onnxruntime==1.31.1 tf2onnx==1.17.0

Usage:
    PYTHONPATH=onnx python benchmarks/quantized_ensemble.py --run runs/ham \
        --arm three_backbones [--mode [int8,dynamic]] [--equal true]
"""

import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from jsonargparse import auto_cli
from rich.console import Console
from rich.table import Table

from keras_derm import evaluation
from keras_derm.classifiers import (
    build_ensemble,
    ensemble_members,
    ensemble_weights,
    load_classifier,
)
from keras_derm.export import (
    QuantizedEnsemble,
    agreement,
    export_ensemble,
    latency_in_turns,
    size_bytes,
    spread_over_cells,
)
from keras_derm.files import write_csv, write_json
from keras_derm.jobs.judged import judged_task
from keras_derm.pipeline import PreparedImages, resized_images
from keras_derm.runs import RunDirectory

KERAS, ONNX, ONNX_INT8 = "Keras float32", "ONNX Runtime float32", "ONNX Runtime int8"
METRICS = ("balanced_accuracy", "macro_auc")
N_TIMED = {1: 100, 8: 40}
ONNX_OPSET = 17
TARGETS = {
    "balanced_accuracy": -0.01,
    "macro_auc": -0.005,
    "times_smaller": 3.5,
    "times_as_fast": 4.0,
}


def main(
    run: str,
    arm: str = "baseline",
    mode: list[str] | None = None,
    out: str = "runs/quantized_ensemble",
    equal: bool = False,
    n_representative: int = 200,
    n_replicates: int = 2000,
    n_threads: int = 2,
    seed: int = 0,
) -> None:
    """Convert the ensemble in every way, and print accuracy, size and latency.

    Args:
        run: Run directory with prepared images; nothing is written into it.
        arm: Name of the arm whose ensemble is converted.
        mode: Modes of `export_ensemble`; int8 by default.
        out: Folder for the converted models, accuracy.csv and latency.json.
        equal: Count all members alike, as the published ensemble does, instead of with
            the weights fitted on validation images.
        n_representative: Training images that set the ranges of int8, spread over
            diagnoses and colours of photographs.
        n_replicates: Bootstrap replicates.
        n_threads: Threads of every contender.
        seed: Seed of the choice of images and of the bootstrap.
    """
    tf.config.threading.set_intra_op_parallelism_threads(n_threads)
    run, out, modes = RunDirectory(run), Path(out), mode or ["int8"]
    out.mkdir(parents=True, exist_ok=True)
    model = load_classifier(run.arm(arm) / "ensemble.keras")
    if equal:
        model = build_ensemble(ensemble_members(model), model.input_shape[1])
    task = judged_task(run)
    rows = run.catalog.where(task.covers(run.catalog))
    train, test = rows.split("train"), rows.split("test")
    prepared, side = PreparedImages.load(run.prepared_real), model.input_shape[1]
    chosen = spread_over_cells(train, n_representative, seed)
    representative = resized_images(prepared, train, side)(chosen)
    images = resized_images(prepared, test, side)(np.arange(len(test.table)))

    predicts = {KERAS: model.predict_on_batch}
    sizes = {KERAS: 4 * model.count_params()}  # float32 weights alone
    for one in modes:
        path = export_ensemble(model, out / f"ensemble_{one}", representative, one)
        predicts[f"LiteRT {one}"] = QuantizedEnsemble(path, n_threads).predict
        sizes[f"LiteRT {one}"] = size_bytes(path)
    for name, path in _onnx_files(model, representative, out).items():
        predicts[name] = _onnx_predict(path, n_threads)
        sizes[name] = size_bytes(path)

    y_prob = {name: _predict(predict, images) for name, predict in predicts.items()}
    latency = {
        batch_size: latency_in_turns(predicts, images[:batch_size].astype("float32"), n)
        for batch_size, n in N_TIMED.items()
    }
    accuracy = _accuracy(y_prob, sizes, task, test, n_replicates, seed)
    write_csv(out / "accuracy.csv", accuracy)
    write_json(out / "latency.json", latency)
    console = Console(width=160)
    console.print(_title(model, len(images), n_threads))
    console.print(_accuracy_table(accuracy), _latency_table(latency))
    _print_targets(console, accuracy, latency, modes)


def _onnx_files(model, representative, out):
    """Write the ensemble as ONNX, in float32 and in int8."""
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Images(CalibrationDataReader):
        def __init__(self):
            self.images = iter(representative.astype("float32"))

        def get_next(self):
            image = next(self.images, None)
            return None if image is None else {"image": image[np.newaxis]}

    float_path = _onnx_file(model, out)
    folded, int8_path = out / "folded.onnx", out / "ensemble_int8.onnx"
    quant_pre_process(str(float_path), str(folded), skip_symbolic_shape=True)
    quantize_static(
        str(folded),
        str(int8_path),
        Images(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,  # twice as fast as QInt8 on x86
        weight_type=QuantType.QInt8,
    )
    return {ONNX: float_path, ONNX_INT8: int8_path}


def _onnx_file(model, out):
    saved, path = out / "saved_model", out / "ensemble.onnx"
    shape = (None, *model.input_shape[1:])
    signature = [keras.InputSpec(shape=shape, dtype="float32", name="image")]
    model.export(
        saved, format="tf_saved_model", input_signature=signature, verbose=False
    )
    command = [sys.executable, "-m", "tf2onnx.convert", "--saved-model", str(saved)]
    command += ["--output", str(path), "--opset", str(ONNX_OPSET)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"tf2onnx failed:\n{done.stderr}")
    return path


def _onnx_predict(path, n_threads):
    """Function from images to probabilities, run by ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    # Threads that wait by turning round take the processor from whose turn is next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"]
    )

    def predict(images):
        y_prob = session.run(None, {"image": images.astype("float32")})[0]
        return y_prob / y_prob.sum(axis=1, keepdims=True)  # int8 sums to about 1

    return predict


def _predict(predict, images, batch_size=32):
    starts = range(0, len(images), batch_size)
    batches = (images[start : start + batch_size] for start in starts)
    y_prob = np.concatenate([predict(batch.astype("float32")) for batch in batches])
    return y_prob / y_prob.sum(axis=1, keepdims=True, dtype="float64")


def _accuracy(y_prob, sizes, task, test, n_replicates, seed):
    """A row for each contender: metrics, differences to Keras, size."""
    inputs = evaluation.inputs_from_catalog(test, task, strata=())
    table = evaluation.compare(
        **inputs,
        y_prob=y_prob,
        reference=KERAS,
        n_replicates=n_replicates,
        seed=seed,
    ).table()
    table, rows = table.set_index(["arm", "metric"]), []
    for name, found in y_prob.items():
        row = {"contender": name, **agreement(y_prob[KERAS], found)}
        for metric in METRICS:
            row[metric] = table.loc[(name, metric), "value"]
            for end in ("", "_low", "_high"):
                key = f"difference{end}"
                row[f"{metric}_{key}"] = table.loc[(name, metric), key]
        row["megabytes"] = sizes[name] / 1e6
        row["times_smaller"] = sizes[KERAS] / sizes[name]
        rows.append(row)
    return pd.DataFrame(rows)


def _title(model, n_images, n_threads):
    members = ", ".join(
        f"{member.name} ({weight:.2f})"
        for member, weight in zip(
            ensemble_members(model), ensemble_weights(model), strict=True
        )
    )
    return f"{members}; {n_images:,} real test images, {n_threads} threads"


def _accuracy_table(accuracy):
    columns = ("balanced accuracy", "difference", "macro AUC", "difference")
    columns += ("same class", "largest diff.", "MB", "times smaller")
    table = _table(columns)
    for row in accuracy.to_dict("records"):
        cells = []
        for metric in METRICS:
            value, low, high = (
                row[f"{metric}_difference{end}"] for end in ("", "_low", "_high")
            )
            cells += [f"{row[metric]:.4f}", f"{value:+.4f} [{low:+.4f}, {high:+.4f}]"]
        table.add_row(
            row["contender"],
            *(cells if row["contender"] != KERAS else (cells[0], "", cells[2], "")),
            f"{row['argmax_agreement']:.1%}",
            f"{row['max_abs_difference']:.1e}",
            f"{row['megabytes']:.1f}",
            f"{row['times_smaller']:.2f}",
        )
    return table


def _table(columns):
    table = Table("contender")
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _latency_table(latency):
    columns = ("median ms", "p95", "times as fast")
    table = _table(f"batch {n}: {column}" for n in latency for column in columns)
    for name in latency[1]:
        cells = []
        for found in latency.values():
            median = found[name]["median_ms"]
            faster = found[KERAS]["median_ms"] / median
            cells += [f"{median:.1f}", f"{found[name]['p95_ms']:.1f}", f"{faster:.2f}"]
        table.add_row(name, *cells)
    return table


def _print_targets(console, accuracy, latency, modes):
    for mode in modes:
        name = f"LiteRT {mode}"
        row = accuracy.set_index("contender").loc[name]
        times = latency[1]
        measured = {metric: row[f"{metric}_difference"] for metric in METRICS}
        measured["times_smaller"] = row["times_smaller"]
        measured["times_as_fast"] = times[KERAS]["median_ms"] / times[name]["median_ms"]
        for what, least in TARGETS.items():
            verdict = "PASS" if measured[what] >= least else "FAIL"
            console.print(
                f"{name}: {what} {measured[what]:.4f}, at least {least:g}: {verdict}"
            )


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
