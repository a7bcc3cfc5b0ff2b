"""Do made images help a segmenter? Several seeds of each arm on the same photographs.

In a run whose synthetic images are made, an FCN is trained on real photographs, and on
real and synthetic ones, with every seed; all else, the number of steps too, is the
same. Each is judged on the real test photographs. The interval of the difference draws
lesions, and adds a draw of the error of each arm's mean over its seeds (Student's t).

Usage: python benchmarks/segmentation_seeds.py --run runs/ham10000 --n_photographs 1000
"""

from pathlib import Path

import numpy as np
import pandas as pd
from jsonargparse import auto_cli

from keras_derm import jobs
from keras_derm.evaluation import OVERLAP_METRICS, skin_groups
from keras_derm.evaluation.statistics.bootstrap import cluster_index, cluster_weights
from keras_derm.runs import RunDirectory
from keras_derm.segmentation import with_masks
from keras_derm.settings import OptimizationSettings

ARMS = {"real": "nothing", "real and synthetic": "synthetic"}


def measure(
    run: Path,
    seeds: tuple[int, ...] = (0, 1, 2),
    network: str = "fcn",
    n_photographs: int | None = None,
    image_size: int = 128,
    epochs: int = 30,
    learning_rate: float = 1e-4,
    n_test: int | None = None,
    n_replicates: int = 1000,
):
    """Train, judge and compare.

    Args:
        run: Run directory, prepared, with synthetic images.
        seeds: Seeds of weights, order and, where few photographs are taken, of these.
        network: fcn or unet.
        n_photographs: Real photographs of each training; all by default.
        image_size: Side of the images in pixels.
        epochs: Epochs of each training.
        learning_rate: Rate of each training.
        n_test: Real test photographs, drawn at random; all by default.
        n_replicates: Bootstrap replicates.
    """
    directory = RunDirectory(run)
    if "baseline" not in directory.segmenters:
        raise FileNotFoundError(
            "made images without a mask take that of the baseline segmenter: train it "
            f"first (apps/train_segmenter.py). Received: {run}"
        )
    for seed in seeds:
        for arm, adds in ARMS.items():
            jobs.run_stage(
                "train_segmenter",
                run,
                arm=_arm(arm, seed),
                adds=adds,
                network=network,
                image_size=image_size,
                n_photographs=n_photographs,
                epochs=epochs,
                learning_rate=learning_rate,
                weight_decay=0.0,
                augmentation_strength=0.0,
                optimization=OptimizationSettings(
                    optimizer="adam", schedule="constant", clip_norm=None
                ),
                seed=seed,
            )
    jobs.run_stage(
        "evaluate_segmenter",
        run,
        rules=(),
        n_photographs=n_test,
        n_replicates=n_replicates,
    )
    scores = pd.read_csv(directory / "segmentation/scores.csv")
    test = with_masks(directory.catalog.split("test"))
    test = test.where(test.table["isic_id"].isin(scores["isic_id"]).to_numpy(bool))
    groups = skin_groups(test.table).to_numpy(object)
    print(f"\n{len(test):,} real test photographs, {len(seeds)} seeds")
    for metric, title in OVERLAP_METRICS.items():
        table = scores.pivot(index="isic_id", columns="finder", values=metric)
        table = table.loc[test.table["isic_id"]]
        by_arm = {
            arm: table[[_arm(arm, seed) for seed in seeds]].to_numpy() for arm in ARMS
        }
        means = {arm: np.nanmean(values, axis=0) for arm, values in by_arm.items()}
        told = ", ".join(
            f"{arm} {own.mean():.4f} (seeds {' '.join(f'{v:.4f}' for v in own)})"
            for arm, own in means.items()
        )
        low, high = _interval(by_arm, groups, n_replicates)
        first, second = (own.mean() for own in means.values())
        print(f"{title}: {told}; difference {second - first:+.4f} ({low:+.4f} to "
              f"{high:+.4f})")  # fmt: skip


def _arm(arm, seed):
    return f"{arm.replace(' ', '_')}_{seed}"


def _interval(by_arm, groups, n_replicates):
    """95 % interval of the difference of the means, over lesions and seeds."""
    first, second = by_arm.values()
    difference = np.nanmean(second, axis=1) - np.nanmean(first, axis=1)
    known = np.isfinite(difference)
    cluster, n_clusters = cluster_index(groups, len(groups))
    sums = np.bincount(cluster[known], difference[known], n_clusters)
    counts = np.bincount(cluster[known], minlength=n_clusters)
    draws = np.concatenate(
        [(sums @ w) / (counts @ w) for w in cluster_weights(n_clusters, n_replicates)]
    )
    n_seeds = first.shape[1]
    if n_seeds > 1:
        spreads = [np.nanmean(v, axis=0).var(ddof=1) / n_seeds for v in by_arm.values()]
        generator = np.random.default_rng(0)
        student = generator.standard_t(2 * (n_seeds - 1), len(draws))
        draws = draws + student * np.sqrt(sum(spreads))
    return np.quantile(draws, [0.025, 0.975])


if __name__ == "__main__":
    auto_cli(measure, as_positional=False)
