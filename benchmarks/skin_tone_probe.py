"""A linear probe for skin tone, the peer of the networks: frozen features, ridge.

Prints the scores of tone_scores on the test part of a split, by type of photograph:
features of ImageNet's MobileNetV2 (mean and standard deviation over the places of its
first blocks, and the mean of its last), ridge regression of the place of the label,
fitted on train, its limits between labels on val.

Usage: python benchmarks/skin_tone_probe.py --data milk10k:/data/milk10k
       --weights mobilenet_v2_notop.weights.h5 --split_file split.csv
"""

import keras
import numpy as np
import pandas as pd
from jsonargparse import auto_cli
from rich.progress import track
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from keras_derm.catalog import apply_split_file, darkness
from keras_derm.classifiers import build_backbone, fit_cuts, label_weights
from keras_derm.evaluation import ToneTruth, tone_scores, weighted_kappa
from keras_derm.layers import resize
from keras_derm.pipeline.prepared import prepared_batches
from keras_derm.readers import read_data_source

MAPS = ("expanded_conv_project_BN", "block_2_add", "block_5_add", "block_9_add")
LABELS = list("543210")
BATCH = 32


def features(catalog, weights, side):
    """Return the features of every photograph, (n, k)."""
    network = build_backbone("MobileNetV2", side, weights)
    maps = [network.get_layer(name).output for name in MAPS]
    pooled = [keras.ops.mean(each, axis=(1, 2)) for each in maps]
    pooled += [keras.ops.std(each, axis=(1, 2)) for each in maps]
    pooled.append(keras.ops.mean(network.output, axis=(1, 2)))
    model = keras.Model(network.inputs, keras.ops.concatenate(pooled, axis=-1))
    batches = prepared_batches(catalog, resize(side), BATCH)
    shown = track(batches, "Features", total=-(-len(catalog) // BATCH), transient=True)
    return np.concatenate([model.predict_on_batch(images) for images in shown])


def probe(catalog, weights, side):
    """Return the scores of the probe on the test part of a catalog."""
    table = catalog.table
    ranks = np.array(darkness(table["skin_tone_label"], "milk10k"))
    values = features(catalog, weights, side)
    rows = {part: np.flatnonzero(table["split"] == part) for part in ("train", "val")}
    train, val = rows.values()
    test = np.flatnonzero(table["split"] == "test")
    model = make_pipeline(StandardScaler(), Ridge(alpha=300))
    weight = label_weights(ranks[train])
    model.fit(values[train], ranks[train], ridge__sample_weight=weight)
    cuts = fit_cuts(ranks[val], model.predict(values[val]), 6, weighted_kappa)
    told = model.predict(values[test])
    labels = [LABELS[i] for i in np.searchsorted(cuts, told)]
    frame = pd.DataFrame(
        {"value": told, "label": labels, "group": None, "scale": "milk10k"}
    )
    return tone_scores(ToneTruth.of(table.iloc[test], "milk10k"), frame)


def main(data: str, weights: str, split_file: str, side: int = 224) -> None:
    """Fit and judge the probe on MILK10k.

    Args:
        data: Data source of MILK10k.
        weights: ImageNet weights of MobileNetV2 without its top.
        split_file: Csv with isic_id and split, such as that of a tone network.
        side: Side of the images in pixels.
    """
    catalog = apply_split_file(read_data_source(data), split_file)
    for image_type in ("dermoscopic", "clinical: close-up"):
        print(f"\n{image_type}")
        scores = probe(catalog.where(image_type=image_type), weights, side)
        scores = scores[~scores["metric"].isin(["group known", "group right"])]
        print(scores.drop(columns="reason").round(3).to_string(index=False))


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
