"""What a classifier says of the same photographs with melanin added and removed."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import pandas as pd
from scipy.optimize import brentq

from keras_derm.colour import LINEAR, cielab, colour_differences
from keras_derm.layers import ToneTransfer
from keras_derm.layers.colour_spaces import linear_to_lab, linear_to_srgb
from keras_derm.layers.tone_transfer import melanin_transmission
from keras_derm.phantom import CAMERAS
from keras_derm.phantom.optics import (
    BLOOD_RANGE,
    skin_ita,
    skin_reflectance,
    to_linear_srgb,
)
from keras_derm.skin_tone import Photograph
from keras_derm.skin_tone.individual_typology_angle import angle, angle_difference

ORIGINAL = "photograph"
MELANIN = "melanin"
BRIGHTNESS = "equal brightness"
TONE_KNOWN = "melanin, tone known"
TRUTHS = {camera: f"true, camera {camera}" for camera in CAMERAS}
CANDIDATES = (ORIGINAL, MELANIN, TONE_KNOWN, BRIGHTNESS)
"""What is held against the true renderings of a phantom: doing nothing first."""

START_ITA = 50.0
"""Of the skin that is taken for the person's where nothing is known: type II."""
MOVED = ("lightness_change", "a_change", "b_change")
"""Of the median L*, a* and b* of the plain skin."""
LEAST_SKIN = 0.01
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
_DOSES = (-6.0, 12.0)


@dataclass(frozen=True)
class Variant:
    """A photograph as it is, or changed.

    Args:
        change: `ORIGINAL`, `MELANIN`, `BRIGHTNESS`, `TONE_KNOWN` or one of `TRUTHS`.
        step: Step of ITA that the change stands for, degrees.
        image: (height, width, 3), RGB, uint8.

    Example:
        >>> [(one.change, one.step) for one in variants(photograph, [-20.0])]
        [('photograph', 0.0), ('melanin', -20.0), ('equal brightness', -20.0)]
    """

    change: str
    step: float
    image: np.ndarray


@cache
def melanin_dose(step, start=START_ITA):
    """Dose of `ToneTransfer.add_melanin` that moves skin by a step of ITA.

    The skin is that of the optical model, seen in neutral light, with the melanin that
    gives it the ITA `start`. Not the photograph's own angle is moved: dermatoscopes
    give it a cast, under which it does not go with melanin.

    Args:
        step: Degrees; below 0 adds melanin.
        start: ITA of the skin, degrees.

    Returns:
        Optical density at 545 nm, 0 for a step of 0.

    Raises:
        ValueError: If no skin has that ITA, or none can be moved so far.
    """
    if step == 0:
        return 0.0
    blood = sum(BLOOD_RANGE) / 2
    try:
        melanin = brentq(lambda m: float(skin_ita(m, blood)) - start, 1e-4, 1.0)
        light = to_linear_srgb(skin_reflectance(melanin, blood)).astype("float32")

        def error(dose):
            through = melanin_transmission(np.float32([dose])).numpy()
            lightness, _, b = linear_to_lab(light * through).numpy()
            return float(angle(lightness, b)) - start - step

        return float(brentq(error, *_DOSES))
    except ValueError:
        raise ValueError(
            "skin of that ITA cannot be moved by that step. "
            f"Received: start={start}, step={step}"
        ) from None


def variants(photograph, steps, start=START_ITA):
    """Change a photograph by melanin, and by brightness alone.

    The melanin lies over lesion and skin alike (`ToneTransfer`): the lesion keeps its
    structure in optical density. The control of equal brightness multiplies all light
    by one factor, so that the median luminance of the skin, and with it L*, is that
    under the melanin, and the hue stays as it was.

    Args:
        photograph: `keras_derm.skin_tone.Photograph`.
        steps: Steps of ITA in degrees; below 0 adds melanin. A step of 0 goes through
            the same arithmetic.
        start: ITA that the person's skin is taken to have, degrees.

    Returns:
        List of `Variant`, the photograph first; of the photograph alone where less
        than 1 % of it is plain skin.
    """
    image = photograph.image
    found = [Variant(ORIGINAL, 0.0, image)]
    skin, _ = regions(photograph)
    if skin.mean() < LEAST_SKIN:
        return found
    for step in steps:
        darker = with_melanin(image, step, start)
        found.append(Variant(MELANIN, step, darker))
        found.append(Variant(BRIGHTNESS, step, equally_bright(image, darker, skin)))
    return found


def with_melanin(image, step, start=START_ITA):
    """Return a photograph under the melanin of a step of ITA, uint8."""
    dose = melanin_dose(float(step), float(start))
    return _to_bytes(ToneTransfer(start).add_melanin(image[None], dose)[0])


def equally_bright(image, changed, skin):
    """Return a photograph in another light, its skin as bright as in the changed one.

    Args:
        image, changed: (height, width, 3), RGB, uint8.
        skin: (height, width), bool; where the median luminances are to agree.

    Returns:
        uint8, the shape of `image`.
    """
    before, after = (
        np.median(LINEAR[one[skin]] @ LUMINANCE) for one in (image, changed)
    )
    light = np.float32(LINEAR[image] * (after / max(before, 1e-6)))
    return _to_bytes(linear_to_srgb(light))


def regions(photograph):
    """Plain skin and lesion at the photograph's size: bool (height, width) each.

    The lesion is that of the archive's mask, or the one that is found; where none is
    found it is nowhere.
    """
    view, size = photograph.view, photograph.image.shape[1::-1]
    nowhere = np.zeros_like(view.skin)
    masks = view.skin, nowhere if view.lesion is None else view.lesion
    return tuple(
        cv2.resize(mask.astype("uint8"), size, interpolation=cv2.INTER_NEAREST) > 0
        for mask in masks
    )


def true_variants(isic_id, twins, steps):
    """A phantom's photograph under other melanin, with either way of the camera.

    Args:
        isic_id: Its id.
        twins: `keras_derm.phantom.MelaninTwins`.
        steps: Steps of the person's ITA, degrees. Those out of reach are left out.

    Returns:
        List of `Variant` with the changes of `TRUTHS`.
    """
    return [
        Variant(TRUTHS[camera], step, twins.render(isic_id, step, camera).image)
        for step in steps
        if not np.isnan(twins.melanin(isic_id, step))
        for camera in twins.cameras
    ]


def facts_of(photograph, found):
    """How each variant differs from the photograph, one row each.

    Args:
        photograph: `keras_derm.skin_tone.Photograph`.
        found: List of `Variant` of it.

    Returns:
        `pandas.DataFrame` with `change`, `step`, the change of the skin's median L*,
        a* and b* (`MOVED`), `largest` (largest change of a value of a
        pixel, of 255) and `cut` (share of the pixels that came to be white in a
        channel, and so lost something).
    """
    skin, _ = regions(photograph)
    image = photograph.image
    before = _median_lab(image, skin)
    rows = []
    for one in found:
        moved = _median_lab(one.image, skin) - before
        largest = np.abs(one.image.astype(int) - image).max()
        cut = ((one.image == 255) & (image < 255)).any(axis=-1).mean()
        row = (one.change, one.step, *moved, int(largest), float(cut))
        rows.append(row)
    columns = ["change", "step", *MOVED, "largest", "cut"]
    return pd.DataFrame(rows, columns=columns)


def colour_errors(photograph, found):
    """Hold what was made of a phantom against the true renderings, pixel by pixel.

    Args:
        photograph: `keras_derm.skin_tone.Photograph` with its true lesion.
        found: List of its `Variant`s, made and true.

    Returns:
        `pandas.DataFrame`, a row for each true rendering and candidate: `truth`,
        `step`, `candidate`, `delta_e_skin` and `delta_e_lesion` (mean CIEDE2000 over
        the pixels) and `ita_error` (degrees between the angles of median skin,
        without sign; NaN unless both have b* above 0).
    """
    skin, lesion = regions(photograph)
    made = {(one.change, one.step): one.image for one in found}
    original, rows = made[ORIGINAL, 0.0], []
    for truth in found:
        if truth.change not in TRUTHS.values():
            continue
        true = cielab(truth.image)
        for candidate in CANDIDATES:
            lab = cielab(made.get((candidate, truth.step), original))
            colour = [np.median(one[skin], axis=0) for one in (lab, true)]
            rows.append(
                {
                    "truth": truth.change,
                    "step": truth.step,
                    "candidate": candidate,
                    "delta_e_skin": _mean_difference(lab[skin], true[skin]),
                    "delta_e_lesion": _mean_difference(lab[lesion], true[lesion]),
                    "ita_error": _ita_error(*colour),
                }
            )
    return pd.DataFrame(rows)


def predictions_of(found, prepare, models):
    """What models say of the variants of a photograph.

    Args:
        found: List of `Variant`.
        prepare: Function from a photograph, uint8 RGB of any size, to the image that
            the models take.
        models: Dict from a name to a function from such images, (n, side, side, 3), to
            probabilities, (n, classes).

    Returns:
        Dict from each name to an array (n, classes).
    """
    images = np.stack([prepare(one.image) for one in found])
    return {name: np.asarray(predict(images)) for name, predict in models.items()}


def look_at(photograph, steps, isic_id=None, twins=None, start=None):
    """All variants of one photograph: changed, and of a phantom the true ones.

    Args:
        photograph, steps: As in `variants`.
        isic_id, twins: As in `true_variants`, or None.
        start: True ITA of the person's skin, for `TONE_KNOWN`.

    Returns:
        List of `Variant`.
    """
    found = variants(photograph, steps)
    if twins is None or len(found) == 1:
        return found
    true = true_variants(isic_id, twins, steps)
    for step in sorted({one.step for one in true}):
        image = with_melanin(photograph.image, step, start)
        found.append(Variant(TONE_KNOWN, step, image))
    return found + true


def counterfactual_table(catalog, prepare, models, classes, steps, twins=None):
    """Ask models about all variants of the photographs of a catalog.

    Args:
        catalog: `keras_derm.catalog.Catalog` of real photographs, or of a phantom.
        prepare, models: As in `predictions_of`.
        classes: Names of the classes.
        steps: Steps of ITA, degrees; the control of 0 is added.
        twins: `MelaninTwins` of a phantom, to hold it all against the truth.

    Yields:
        For each photograph a tuple of two frames: the predictions (`isic_id`, what
        `facts_of` tells, `model`, and a column a class), and the `colour_errors` with
        `isic_id`, empty without `twins`.
    """
    steps = [0.0, *(float(step) for step in steps if step)]
    types = [None if pd.isna(one) else one for one in catalog.table["image_type"]]
    starts = catalog.table["true_ita"] if twins else [None] * len(catalog)
    ids = catalog.table["isic_id"]
    files = zip(catalog.paths, catalog.mask_paths, types, strict=True)
    for isic_id, file, start in zip(ids, files, starts, strict=True):
        photograph = Photograph.read(*file)
        found = look_at(photograph, steps, isic_id, twins, start)
        facts = facts_of(photograph, found).assign(isic_id=isic_id)
        said = predictions_of(found, prepare, models)
        yield (
            pd.concat(
                facts.assign(model=name, **dict(zip(classes, y_prob.T, strict=True)))
                for name, y_prob in said.items()
            ),
            colour_errors(photograph, found).assign(isic_id=isic_id),
        )


def _to_bytes(image):
    return np.floor(np.asarray(image) + 0.5).clip(0, 255).astype("uint8")


def _median_lab(image, skin):
    if not skin.any():
        return np.full(3, np.nan)
    return np.median(cielab(image[skin]), axis=0)


def _mean_difference(first, second):
    return float(colour_differences(first, second).mean()) if len(first) else np.nan


def _ita_error(first, second):
    if min(first[2], second[2]) <= 0:
        return np.nan
    angles = (angle(lightness, b) for lightness, _, b in (first, second))
    return float(abs(angle_difference(*angles)))
