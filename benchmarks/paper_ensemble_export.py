"""The published ensemble at full size, in int8: does it convert, run and agree?

ResNet50 at 224, InceptionResNetV2 at 299 and NASNetLarge at 331 pixels behind one image
of 331, eight classes. Prints what the conversion took (seconds, and peak memory of a
process of its own), sizes, milliseconds an image beside Keras, and how well int8 agrees
with float on images that neither set ranges nor weights. Exits with 1 where memory or
agreement fails its limit.

The weights are random. As drawn, they give every image the same probabilities, and a
deep random network blows up any difference, so that rounding its weights to float16
changes the class of every tenth image. Agreement says something after three steps:

1. The offset (beta) of every BatchNormalization is 1, so that most ReLUs stay open and
   differences neither grow nor vanish from layer to layer.
2. Each BatchNormalization takes the mean and variance of one batch of images, layer by
   layer in one forward pass, as training would leave them.
3. The head reads the two directions in which the features of those images vary most, in
   random combinations scaled so that the logits of each class have the mean 0 and the
   standard deviation `spread`: a trained head, too, reads what varies.

Usage:
    python benchmarks/paper_ensemble_export.py
    python benchmarks/paper_ensemble_export.py --data ham10000:../shared/data/ham10000
    python benchmarks/paper_ensemble_export.py --backbones [MobileNetV2,CustomCNN] \
        --image_sizes [64,48]     # a trial, in a minute
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from jsonargparse import auto_cli
from rich.console import Console
from rich.table import Table

from keras_derm.catalog import read_image
from keras_derm.classifiers import (
    BACKBONES,
    build_classifier,
    build_ensemble,
    ensemble_members,
    load_classifier,
)
from keras_derm.export import (
    QuantizedEnsemble,
    agreement,
    export_ensemble,
    latency_in_turns,
    size_bytes,
)
from keras_derm.export.memory import peak_bytes
from keras_derm.pipeline import resize
from keras_derm.readers import read_data_source

N_CLASSES = 8
N_DIRECTIONS = 2
PAPER = ("ResNet50", "InceptionResNetV2", "NASNetLarge")


def main(
    backbones: list[str] | None = None,
    image_sizes: list[int] | None = None,
    data: str = "phantom:n=64,seed=7,size=331",
    out: str = "runs/paper_ensemble_export",
    mode: str = "int8",
    form: str = "folder",
    n_representative: int = 8,
    n_settle: int = 16,
    n_compared: int = 32,
    n_timed: int = 10,
    n_threads: int = 2,
    spread: float = 4.0,
    limit_gb: float = 16.0,
    max_mean_difference: float = 0.02,
    min_same_class: float = 0.9,
    seed: int = 0,
) -> None:
    """Build, convert, compare and time the ensemble; print one table.

    Args:
        backbones: Names in keras_derm.classifiers.BACKBONES; the paper's by default.
        image_sizes: Side of the images of each; the published ones by default.
        data: Data source of the images, as apps/audit_skin_tone.py takes it.
        out: Folder for the models and figures.json.
        mode: How to quantise.
        form: folder (member by member), file (the whole at once) or auto.
        n_representative: Images that set the ranges, some of those of `n_settle`.
        n_settle: Images that set normalisation and head.
        n_compared: Other images, on which float and quantised are compared.
        n_timed: Timed calls of each model, in turns.
        n_threads: Threads of either.
        spread: Standard deviation of the logits.
        limit_gb: Most memory that the conversion may take.
        max_mean_difference: Largest mean absolute difference of probabilities.
        min_same_class: Smallest share of images of the same class.
        seed: Seed of weights and of the choice of images.
    """
    tf.config.threading.set_intra_op_parallelism_threads(n_threads)
    backbones, out = backbones or list(PAPER), Path(out)
    image_sizes = image_sizes or [BACKBONES[name].image_size for name in backbones]
    images = _images(data, n_settle + n_compared, max(image_sizes), seed)
    settle, compared = images[:n_settle], images[n_settle:]
    model = _ensemble(backbones, image_sizes, settle, spread, seed)
    out.mkdir(parents=True, exist_ok=True)
    model.save(out / "ensemble.keras")
    np.save(out / "representative.npy", settle[:n_representative])
    found = _in_own_process(out, mode, form)
    quantized = QuantizedEnsemble(found["path"], n_threads)
    y_float = model.predict(compared.astype("float32"), batch_size=4, verbose=0)
    found |= {
        "n_representative": len(settle[:n_representative]),
        "float_bytes": 4 * model.count_params(),
        "size_bytes": size_bytes(found["path"]),
        "varies": float(y_float.std(axis=0).mean()),
        "classes_named": len(set(y_float.argmax(axis=1).tolist())),
        **agreement(y_float, quantized.predict(compared)),
        "latency": latency_in_turns(
            {"keras": model.predict_on_batch, mode: quantized.predict},
            compared[:1].astype("float32"),
            n_timed,
            n_warm_up=2,
        ),
    }
    found["passed"] = {
        "memory": found["peak_gb"] <= limit_gb,
        "mean_difference": found["mean_abs_difference"] <= max_mean_difference,
        "same_class": found["argmax_agreement"] >= min_same_class,
    }
    (out / "figures.json").write_text(json.dumps(found, indent=2))
    limits = {
        "memory": f"at most {limit_gb:g} GB",
        "mean_difference": f"at most {max_mean_difference:g}",
        "same_class": f"at least {min_same_class:.0%}",
    }
    names = (
        f"{name} {side}" for name, side in zip(backbones, image_sizes, strict=True)
    )
    _print(found, limits, f"{', '.join(names)}: {mode}, {form}, {n_threads} threads")
    if not all(found["passed"].values()):
        raise SystemExit(1)


def _images(data, n, side, seed):
    """Square images drawn from a data source, uint8 RGB."""
    paths = read_data_source(data).paths
    if len(paths) < n:
        raise ValueError(f"{n} images are needed. Received: {data} with {len(paths)}")
    chosen = np.random.default_rng(seed).permutation(len(paths))[:n]
    return np.stack([resize(read_image(paths[i]), side) for i in chosen])


def _ensemble(backbones, image_sizes, images, spread, seed):
    keras.utils.set_random_seed(seed)
    members = [
        build_classifier(name, N_CLASSES, side)
        for name, side in zip(backbones, image_sizes, strict=True)
    ]
    images = images.astype("float32")
    model = build_ensemble(members, max(image_sizes))
    for member in ensemble_members(model):
        side = member.input_shape[1]
        own = keras.ops.image.resize(images, (side, side))
        _settle_normalisation(member, own)
        _set_head(member, own, spread)
    return model


def _settle_normalisation(model, images):
    """Give every BatchNormalization the offset 1 and the statistics of a batch."""
    layers = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.beta.assign(keras.ops.ones_like(layer.beta))
        layer.momentum = 0.0  # all of the batch, nothing of what was there
    # In a graph: eagerly, the model keeps every feature map until it is done.
    tf.function(lambda batch: model(batch, training=True))(images)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum


def _set_head(model, images, spread):
    """Make the last layer's logits vary from image to image."""
    pooling = keras.Model(model.inputs[0], model.get_layer("pooling").output)
    features = pooling.predict(images, batch_size=4, verbose=0)
    mean = features.mean(axis=0)
    directions = np.linalg.svd(features - mean, full_matrices=False)[2][:N_DIRECTIONS]
    mixture = keras.random.normal((N_DIRECTIONS, N_CLASSES))
    kernel = directions.T @ keras.ops.convert_to_numpy(mixture)
    kernel *= spread / ((features - mean) @ kernel).std(axis=0)
    model.get_layer("probabilities").set_weights([kernel, -mean @ kernel])


def _in_own_process(out, mode, form):
    """`_convert` in another process, whose peak memory is the conversion's own."""
    command = [sys.executable, __file__, "--convert", str(out), mode, form]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"the conversion failed with status {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def _convert(out, mode, form):
    """Convert what `main` saved, and print what that took."""
    out = Path(out)
    model = load_classifier(out / "ensemble.keras")
    images = np.load(out / "representative.npy")
    before, start = peak_bytes() / 1e9, time.perf_counter()
    path = export_ensemble(model, out / f"{form}_{mode}", images, mode, form=form)
    seconds = time.perf_counter() - start
    found = {"path": str(path), "seconds": seconds, "model_gb": before}
    print(json.dumps({**found, "peak_gb": peak_bytes() / 1e9}))


def _print(found, limits, title):
    times = found["latency"]
    ours, theirs = (times[name]["median_ms"] for name in (list(times)[1], "keras"))
    megabytes = [found[name] / 1e6 for name in ("float_bytes", "size_bytes")]
    rows = [
        (
            f"conversion, {found['n_representative']} representative images",
            f"{found['seconds']:.0f} s",
        ),
        ("peak memory before it (libraries and model)", f"{found['model_gb']:.2f} GB"),
        ("peak memory", f"{found['peak_gb']:.2f} GB", "memory"),
        ("float32 weights", f"{megabytes[0]:.1f} MB"),
        (
            "size",
            f"{megabytes[1]:.1f} MB, {megabytes[0] / megabytes[1]:.2f} times smaller",
        ),
    ]
    rows += [
        (
            f"{name}, batch 1, median and p95 of {time['n']}",
            f"{time['median_ms']:.0f} and {time['p95_ms']:.0f} ms",
        )
        for name, time in times.items()
    ]
    rows += [
        ("times as fast as Keras", f"{theirs / ours:.2f}"),
        (
            f"spread of float probabilities on {found['n_images']} images",
            f"{found['varies']:.3f}, {found['classes_named']} classes named",
        ),
        (
            "mean difference of probabilities",
            f"{found['mean_abs_difference']:.4f}",
            "mean_difference",
        ),
        ("largest difference", f"{found['max_abs_difference']:.4f}"),
        ("same class", f"{found['argmax_agreement']:.1%}", "same_class"),
    ]
    table = Table("what", "measured", "limit", "", title=title)
    for what, measured, *limit in rows:
        verdict = "PASS" if limit and found["passed"][limit[0]] else "FAIL"
        table.add_row(
            what, measured, *((limits[limit[0]], verdict) if limit else ("", ""))
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--convert"]:
        _convert(*sys.argv[2:])
    else:
        auto_cli(main, as_positional=False)
