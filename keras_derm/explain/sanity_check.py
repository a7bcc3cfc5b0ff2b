"""Does a map depend on what the network learned?"""

from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity

from keras_derm.classifiers import ensemble_members, ensemble_weights
from keras_derm.explain.attention_maps import average_maps, member_attention_maps
from keras_derm.networks import set_weights

# Share of the layers, counted from the output, that get random weights.
STAGES = {"output layer": 0.0, "upper half": 0.5, "all layers": 1.0}
OTHER_IMAGE = "another image"
MOST_OTHERS = 10
UNRELATED_BELOW = 0.5


@dataclass(frozen=True)
class SanityCheck:
    """Attention maps before and after the network forgot what it had learned.

    Attributes:
        maps: dict of `"trained"` and each stage of `STAGES` to the maps
            `(n, height, width)` of its first draw.
        table: `pandas.DataFrame`, one row an image, stage and draw: `image` (its
            position), `stage`, `draw`, `rank_correlation` and `ssim`, both against
            the trained map. The stage `"another image"` compares the trained maps of
            two images, which tells how alike maps are that have nothing in common but
            the network.

    Example:
        >>> print(sanity_check(ensemble, images, y_pred).verdict())
    """

    maps: dict
    table: pd.DataFrame

    @property
    def summary(self):
        """Median over images and draws: `pandas.DataFrame`, one row a stage."""
        columns = ["rank_correlation", "ssim"]
        return self.table.groupby("stage", sort=False)[columns].median()

    @property
    def depends_on_learning(self):
        """Whether random weights destroy the maps; None where no map could be told."""
        correlation = self.summary.loc["all layers", "rank_correlation"]
        return None if np.isnan(correlation) else bool(correlation < UNRELATED_BELOW)

    def verdict(self):
        """What the check found, in one plain sentence."""
        if self.depends_on_learning is None:
            return "No map showed any evidence, so nothing could be checked."
        correlations = self.summary["rank_correlation"]
        found = (
            "With random weights in all layers the rank correlation with the trained "
            f"network's maps is {correlations['all layers']:.2f}; 1 is the same map, "
            "0 an unrelated one"
        )
        if OTHER_IMAGE in correlations:
            alike = correlations[OTHER_IMAGE]
            found += f", and {alike:.2f} what two different images have"
        if self.depends_on_learning:
            return f"The maps depend on what was learned. {found}."
        return (
            f"The maps do not depend enough on what was learned to be read. {found}. "
            f"Less than {UNRELATED_BELOW} was to be expected."
        )


def sanity_check(
    model,
    images,
    class_indices,
    method="layer_cam",
    seed=0,
    batch_size=16,
    n_draws=3,
    trained=None,
):
    """Compare the maps of a trained network with those of the same network untrained.

    Layer after layer, from the output down, gets random weights (`STAGES`). A method
    that explains what the network learned must then draw other maps; one that only
    follows edges or the middle of the image draws the same ones.

    Args:
        model, images, class_indices, method, batch_size: As in `attention_maps`; every
            member of an ensemble is randomised. Images are 7 pixels or more wide.
        seed: Seed of the weights and of SmoothGrad's noise.
        n_draws: Networks drawn with random weights in all layers, on which the
            verdict rests; those of the stages before are drawn once.
        trained: The trained network's `attention_maps`, where they are at hand.

    Returns:
        `SanityCheck`.

    Raises:
        ValueError: As `attention_maps`.

    Reference:
        [Adebayo et al., Sanity Checks for Saliency Maps, 2018](
        https://arxiv.org/abs/1810.03292)
    """
    members, weights = ensemble_members(model), ensemble_weights(model)
    explained = (images, class_indices, method, seed, batch_size)
    if trained is None:
        trained = average_maps(member_attention_maps(model, *explained), weights)
    maps, rows = {"trained": trained}, []
    for stage, share in STAGES.items():
        for draw in range(n_draws if share == 1 else 1):
            random = [
                randomize_weights(member, share, [seed, draw, i])
                for i, member in enumerate(members)
            ]
            found = average_maps(member_attention_maps(random, *explained), weights)
            maps.setdefault(stage, found)
            rows.append(_rows(stage, draw, *map_similarity(trained, found)))
    if len(trained) > 1:
        rows.append(_rows(OTHER_IMAGE, 0, *_similarity_of_images(trained)))
    return SanityCheck(maps, pd.concat(rows, ignore_index=True))


def randomize_weights(model, share=1.0, seed=0):
    """Copy a classifier with its upper layers as they were before any training.

    Args:
        model: Flat functional classifier; it stays as it is.
        share: Share of the layers with weights, counted from the output, that get new
            ones from their initializers; the output layer gets them always. Layers
            without initializers (`Normalization`) keep theirs: they were not learned.
        seed: Seed of the weights, int or list of ints.

    Returns:
        `keras.Model`.

    Raises:
        ValueError: If `share` is not in [0, 1].
    """
    if not 0 <= share <= 1:
        raise ValueError(f"`share` must lie in [0, 1]. Received: {share}")
    generator = np.random.default_rng(seed)
    copy = keras.models.clone_model(
        model, clone_function=lambda layer: _initialized_anew(layer, generator)
    )
    learned = [layer.name for layer in model.layers if _initializers(layer)]
    n_random = max(1, round(share * len(learned)))
    forgotten = set(learned[len(learned) - n_random :])
    for layer in model.layers:
        if layer.weights and layer.name not in forgotten:
            set_weights(copy.get_layer(layer.name), layer.get_weights())
    return copy


def map_similarity(maps, others):
    """Measure how alike two sets of attention maps are, image by image.

    Args:
        maps, others: Arrays `(n, height, width)` in [0, 1].

    Returns:
        Two float arrays `(n,)`: Spearman's rank correlation of the pixels and the
        structural similarity (SSIM). NaN where the map of `maps` is all 0; 0 is the
        correlation with a map that is constant, for it has no order to share.

    Raises:
        ValueError: If the shapes differ.
    """
    maps, others = np.asarray(maps, "float64"), np.asarray(others, "float64")
    if maps.ndim != 3 or maps.shape != others.shape:
        raise ValueError(
            "`maps` and `others` must both have the shape (n, height, width). "
            f"Received: {maps.shape} and {others.shape}"
        )
    pairs = [_similarity(*pair) for pair in zip(maps, others, strict=True)]
    correlations, similarities = np.array(pairs).T
    return correlations, similarities


def _similarity(one, other):
    if not one.any():
        return np.nan, np.nan
    constant = np.ptp(one) == 0 or np.ptp(other) == 0
    correlation = 0.0 if constant else spearmanr(one.ravel(), other.ravel()).statistic
    return correlation, structural_similarity(one, other, data_range=1.0)


def _similarity_of_images(maps):
    """How alike each image's map is to those of other images, on average."""
    shifts = range(1, min(len(maps), MOST_OTHERS + 1))
    found = [map_similarity(maps, np.roll(maps, shift, axis=0)) for shift in shifts]
    return np.mean(found, axis=0)


def _rows(stage, draw, correlations, similarities):
    return pd.DataFrame(
        {
            "image": np.arange(len(correlations)),
            "stage": stage,
            "draw": draw,
            "rank_correlation": correlations,
            "ssim": similarities,
        }
    )


def _initializers(layer):
    """Those entries of a layer's configuration that say how its weights begin."""
    config = layer.get_config()
    return [value for key, value in config.items() if key.endswith("_initializer")]


def _initialized_anew(layer, generator):
    """Copy of a layer whose initializers draw by our seed, not by the global one."""
    config = layer.get_config()
    for key, value in config.items():
        if key.endswith("_initializer") and value and "seed" in value["config"]:
            value["config"]["seed"] = int(generator.integers(2**31))
    return type(layer).from_config(config)
