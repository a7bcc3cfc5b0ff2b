"""The benchmark that learns nothing: a graph cut on the picture itself."""

from dataclasses import dataclass

import cv2
import numpy as np
from sklearn.mixture import GaussianMixture

from keras_derm.colour import cielab
from keras_derm.lesion_finders.finder import LesionFinder
from keras_derm.lesion_finders.otsu import (
    AutomaticFinder,
    PlainOtsuFinder,
    disc,
    usable_pixels,
)
from keras_derm.lesion_finders.outline import LesionOutline, largest_component, shrunk

WORKING_SIZE = 256
N_COLOURS = 3
N_PIXELS = 2000
N_ROUNDS = 3
SMOOTHNESS = 40.0
RIM_SHARE = 0.04
LEAST_SEED = 50


@dataclass(frozen=True)
class MaxFlowFinder(LesionFinder):
    """Lesion and skin parted by the minimum cut, with colours seeded from the picture.

    Colours are mixtures of three Gaussians in CIELAB: at first of the dark area near
    the middle that `AutomaticFinder` sees, and of what lies well outside of it.
    A pixel pays minus the logarithm of its likelihood; two neighbours (of eight) on
    different sides pay the more, the less they differ (Boykov and Jolly 2001). The cut
    gives new colours, three times over, as GrabCut does. No mask is given to it.

    Needs the extra `max_flow` (PyMaxflow, GPL).

    Args:
        smoothness: Weight of the neighbours.

    Example:
        >>> MaxFlowFinder().find(image).share
        0.28

    Reference:
        Boykov and Jolly, Interactive graph cuts, ICCV 2001. Rother, Kolmogorov, Blake,
        GrabCut, SIGGRAPH 2004.
    """

    name: str = "max-flow"
    smoothness: float = SMOOTHNESS

    def find(self, image):
        small = shrunk(image, WORKING_SIZE)
        lab = cielab(small).astype("float64")
        usable = usable_pixels(small, lab)
        lesion, skin = _seeds(small, usable)
        links = _links(lab, self.smoothness)
        for _ in range(N_ROUNDS):
            if min(lesion.sum(), skin.sum()) < LEAST_SEED:
                break
            costs = [_cost(lab, seed) for seed in (lesion, skin)]
            found = _cut(*costs, links) & usable
            if not found.any() or found[usable].all():
                break
            lesion, skin = found, usable & ~found
        mask = largest_component(lesion)
        size = image.shape[1], image.shape[0]
        mask = cv2.resize(mask.astype("uint8"), size, interpolation=cv2.INTER_NEAREST)
        return LesionOutline(mask > 0)


def _seeds(image, usable):
    """Pixels that are probably lesion, and probably skin, as far as a rule can tell.

    The lesion is one dark area near the middle, without a rim; the skin is what lies
    well outside of it.
    """
    lesion = AutomaticFinder().find(image).mask
    if not lesion.any():
        lesion = PlainOtsuFinder().find(image).mask
    rim = disc(max(1, round(RIM_SHARE * min(lesion.shape))))
    levels = lesion.astype("uint8")
    inside = cv2.erode(levels, rim) > 0
    outside = cv2.dilate(levels, rim) == 0
    return inside & usable, outside & usable


def _cost(lab, seed):
    """Minus the logarithm of the likelihood of each pixel's colour, (height, width)."""
    colours = lab[seed]
    generator = np.random.default_rng(0)
    drawn = colours[generator.permutation(len(colours))[:N_PIXELS]]
    mixture = GaussianMixture(N_COLOURS, reg_covar=1.0, tol=1e-2, random_state=0)
    mixture.fit(drawn)
    return -mixture.score_samples(lab.reshape(-1, 3)).reshape(lab.shape[:2])


def _links(lab, smoothness):
    """For each direction of four, its offset and the weights of its pairs."""
    found = []
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        # Where the neighbour is beyond the border, the link leads nowhere.
        step = np.roll(lab, (-dy, -dx), (0, 1)) - lab
        found.append((dy, dx, (step**2).sum(axis=-1)))
    contrast = 1 / (2 * np.mean([squared.mean() for _, _, squared in found]) + 1e-9)
    return [
        (dy, dx, smoothness * np.exp(-contrast * squared) / np.hypot(dy, dx))
        for dy, dx, squared in found
    ]


def _cut(lesion_cost, skin_cost, links):
    """The minimum cut: (height, width), bool, True on the lesion's side."""
    maxflow = require_max_flow()
    graph = maxflow.Graph[float]()
    nodes = graph.add_grid_nodes(lesion_cost.shape)
    for dy, dx, weights in links:
        structure = np.zeros((3, 3))
        structure[1 + dy, 1 + dx] = 1
        graph.add_grid_edges(nodes, weights, structure, symmetric=True)
    # A pixel on the side of the sink pays what it costs to be lesion.
    least = np.minimum(lesion_cost, skin_cost)
    graph.add_grid_tedges(nodes, lesion_cost - least, skin_cost - least)
    graph.maxflow()
    return graph.get_grid_segments(nodes)


def require_max_flow():
    """Import PyMaxflow.

    Raises:
        ImportError: It is not installed.
    """
    try:
        import maxflow
    except ImportError as error:
        raise ImportError(
            "max-flow needs PyMaxflow: pip install 'keras_derm[max_flow]' (its licence "
            "is the GPL), or leave max_flow out of --rules"
        ) from error
    return maxflow
