"""Which way of quantising costs a classifier least, on real test images?

Usage:
    python benchmarks/quantization_methods.py --run runs/ham \
        --model runs/ham/arms/baseline/mobilenetv2_96/model.keras

Post-training conversions of the same model stand beside quantisation-aware training,
pruning and clustering. Those three see the training images again; so "fine-tuned"
trains as long as pruning does, but removes nothing, and is converted after training.
Without a run, a small network is trained on phantoms, which shows that it runs and
nothing else.
"""

import time
from pathlib import Path

import numpy as np
import pandas as pd
from jsonargparse import auto_cli
from rich.console import Console
from rich.table import Table
from sklearn.metrics import balanced_accuracy_score

from keras_derm import classifiers, export, jobs
from keras_derm.catalog import get_task
from keras_derm.evaluation.class_scores.metrics import macro_auc
from keras_derm.files import write_csv
from keras_derm.pipeline import PreparedImages, resized_images
from keras_derm.runs import RunDirectory
from keras_derm.settings import FineTuningSettings

POST_TRAINING = export.MODES
TRAINED = ("fine_tuned", "qat", "pruning", "clustering")
N_REPRESENTATIVE = 200


def main(
    run: str = "runs/quantization_methods",
    model: str | None = None,
    methods: list[str] | None = None,
    out: str = "runs/quantization_methods/out",
    task: str = "diagnosis8",
    n_steps: int = 200,
    batch_size: int = 32,
    learning_rate: float = 1e-4,
    sparsity: float = 0.5,
    n_clusters: int = 32,
    imitate: bool = False,
    seed: int = 0,
) -> None:
    """Quantise one classifier in every way and print what each costs.

    Args:
        run: Run directory with prepared images.
        model: A classifier trained on them, .keras; by default one is trained.
        methods: Only these of int8, selective, weight_only, dynamic, float16,
            fine_tuned, qat, pruning, clustering.
        out: Folder for the .tflite files and costs.csv.
        task: What the classifier tells apart.
        n_steps: Steps of fine-tuning.
        batch_size: Images a step.
        learning_rate: Rate of the first step.
        sparsity: Share of the weights that pruning sets to zero.
        n_clusters: Values a kernel has after clustering.
        imitate: Fine-tune towards the model's own probabilities, not the diagnoses.
        seed: Seed of everything random.
    """
    if model is None:
        model = _small_model(run)
    settings = {
        "n_steps": n_steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "seed": seed,
    }
    model, out = classifiers.load_classifier(model), Path(out)
    images, targets = _images(run, task, model.input_shape[1])
    representative = _representative(images["train"], seed)
    y_float = model.predict(images["test"].astype("float32"), verbose=0)
    rows = [_row("float", y_float, y_float, targets["test"], 4 * model.count_params())]
    for method in methods or (*POST_TRAINING, *TRAINED):
        start, path = time.perf_counter(), out / f"{method}.tflite"
        if method in POST_TRAINING:
            written = export.export_tflite(model, path, representative, method)
        else:
            written = export.quantization_aware(
                model,
                path,
                images["train"],
                _aims(model, images["train"], targets["train"], imitate),
                FineTuningSettings(
                    "pruning" if method == "fine_tuned" else method,
                    sparsity=0.0 if method == "fine_tuned" else sparsity,
                    n_clusters=n_clusters,
                    **settings,
                ),
                sample_weights=classifiers.sample_weights(
                    "class_weights", targets["train"], model.output_shape[-1]
                ),
                representative_images=representative,
            )
        row = _row(
            method,
            y_float,
            export.QuantizedModel(path).predict(images["test"]),
            targets["test"],
            written["size_bytes"],
            written.get("compressed_bytes"),
        )
        rows.append({**row, "seconds": time.perf_counter() - start})
        write_csv(out / "costs.csv", pd.DataFrame(rows))
    _print(pd.DataFrame(rows), model.name, {**settings, "imitate": imitate})


def _small_model(run):
    run = RunDirectory(run)
    if not run.done("prepare_dataset"):
        jobs.run_stage("audit_skin_tone", run.path, data="phantom:n=240,seed=7,size=64")
        jobs.run_stage("prepare_dataset", run.path, image_size=32)
    path = run / "small.keras"
    if not path.is_file():
        images, targets = _images(str(run.path), "diagnosis8", 32)
        n_classes = int(targets["train"].max()) + 1
        model = classifiers.build_classifier("CustomCNN", n_classes, 32)
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(images["train"], targets["train"], epochs=3, verbose=2)
        model.save(path)
    return path


def _images(run, task, image_size):
    """Real images of the model's size and their classes, by split."""
    run = RunDirectory(run)
    task = get_task(task).present_in(run.catalog.split("train"))
    rows = run.catalog.where(task.covers(run.catalog))
    prepared = PreparedImages.load(run.prepared_real)
    images, targets = {}, {}
    for split in ("train", "test"):
        part = rows.split(split)
        take = resized_images(prepared, part, image_size)
        images[split] = take(np.arange(len(part.table)))
        targets[split] = np.asarray(task.targets(part))
    return images, targets


def _aims(model, images, targets, imitate):
    if imitate:
        return model.predict(images, verbose=0)
    return np.eye(model.output_shape[-1])[targets]


def _representative(images, seed):
    rows = np.random.default_rng(seed).permutation(len(images))[:N_REPRESENTATIVE]
    return images[np.sort(rows)]


def _row(method, y_float, y_prob, targets, size, compressed=None):
    return {
        "method": method,
        "balanced_accuracy": balanced_accuracy_score(targets, y_prob.argmax(axis=1)),
        "macro_auc": macro_auc(targets, y_prob),
        "same_class": export.agreement(y_float, y_prob)["argmax_agreement"],
        "mean_abs_difference": export.agreement(y_float, y_prob)["mean_abs_difference"],
        "megabytes": size / 1e6,
        "compressed_megabytes": compressed / 1e6 if compressed else None,
    }


def _print(costs, name, settings):
    table = Table(title=f"{name}, fine-tuning {settings}")
    for column in costs.columns:
        table.add_column(column, justify="left" if column == "method" else "right")
    for row in costs.itertuples(index=False):
        cells = ["" if pd.isna(cell) else cell for cell in row]
        table.add_row(*(f"{x:.4f}" if isinstance(x, float) else str(x) for x in cells))
    Console(width=150).print(table)


if __name__ == "__main__":
    auto_cli(main)
