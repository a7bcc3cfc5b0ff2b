"""Settings of the explanation."""

from dataclasses import dataclass
from typing import Literal

from keras_derm.settings.kinds import Count, Seed, limited
from keras_derm.settings.stage import StageSettings


@dataclass(frozen=True)
class ExplainSettings(StageSettings, stage="explain"):
    """Draw attention maps of real test cases, check them, and map all images.

    Writes explanations.csv (one row a case: attention inside the lesion where there is
    a mask, area under the deletion curve, correlation with the map of random weights),
    explanations.json (what the checks found), feature_map.csv (training images, real
    and synthetic, laid out by UMAP) and the figures attention_*, sanity_check,
    deletion and feature_map. Of predictions made elsewhere the cases alone are shown.

    Args:
        arm: Whose ensemble to explain; chosen is the best one on validation.
        method: LayerCAM, whose maps have at least 12 x 12 regions where the network
            has as many; Grad-CAM or Grad-CAM++, as coarse as the features that are
            pooled (3 x 3 regions of 96 pixels); or SmoothGrad, which takes minutes.
        n_each: Cases of each kind: correct, missed melanoma, false alarm. One of each
            kind in each tone group is shown as well.
        n_points: Most images in the map of features.
        seed: Seed of random weights, random maps, SmoothGrad and UMAP.

    Example:
        >>> ExplainSettings(method="grad_cam")
    """

    arm: str = "chosen"
    method: Literal["layer_cam", "grad_cam", "grad_cam_plus_plus", "smooth_grad"] = (
        "layer_cam"
    )
    n_each: int = limited(Count, 6)
    n_points: int = limited(Count, 1500)
    seed: int = limited(Seed, 0)
