"""Change the skin and keep the lesion: editing by diffusion beside `ToneTransfer`.

A diffusion model learns phantoms without a dermatoscope's exposure: their colour tells
the melanin. Unseen phantoms of light skin are made dark: by image to image and by
inpainting around the lesion (`keras_derm.generative.diffusion.editing`), asked for the
tone group dark, and by `ToneTransfer`, asked for the median ITA of dark training
phantoms. The truth is the same photograph rendered with that much melanin. Told are
medians over photographs: colour difference from the truth (CIEDE2000) on skin and on
the lesion, the correlation of lightness within the lesion (its structure), and the
error of the skin's ITA in degrees. A sheet lies in the folder of `run`.

Usage: python benchmarks/tone_editing.py [--run RUN] [--n 60]
"""

from functools import partial

import cv2
import keras
import numpy as np
import pandas as pd
from jsonargparse import auto_cli
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab

from keras_derm import jobs
from keras_derm.catalog import read_mask
from keras_derm.generative import condition_indices, load_best
from keras_derm.generative.diffusion.editing import edit
from keras_derm.jobs.train_generator import built_generator
from keras_derm.layers import ToneTransfer
from keras_derm.phantom import MelaninTwins, population
from keras_derm.phantom.optics import skin_ita
from keras_derm.pipeline import PreparedImages, resized_images
from keras_derm.runs import RunDirectory
from keras_derm.settings import TrainGeneratorSettings
from keras_derm.settings.generators import DiffusionSettings
from keras_derm.skin_tone.individual_typology_angle import angle, angle_difference

PREPARATION = "cwgan_gp"  # it resizes alone, so that the truth is what was prepared
STRENGTHS = (0.3, 0.5, 0.7, 0.9)
SHOWN = 8


def trained(run, data, side, n_steps, seed):
    """Run directory whose diffusion has learned the phantoms."""
    directory = RunDirectory(run)
    jobs.run_stage("audit_skin_tone", directory.path, data=data)
    jobs.run_stage(
        "prepare_dataset", directory.path, preset=PREPARATION, image_size=side
    )
    jobs.run_stage(
        "train_generator",
        directory.path,
        generator=DiffusionSettings(batch_size=32, channels=(64, 96)),
        image_size=side,
        n_steps=n_steps,
        steps_per_epoch=max(1, n_steps // 5),
        precision="auto",
        seed=seed,
    )
    return directory


def true_angles(twins, isic_ids):
    """ITA of each person's skin in degrees, by isic_id, as it was rendered."""
    known = twins.settings
    numbers = [int(name.rpartition("_")[2]) for name in isic_ids]
    people = population(
        max(numbers) + 1,
        known["seed"],
        known["tone_frequencies"],
        known["diagnosis_frequencies"],
    ).iloc[numbers]
    angles = skin_ita(people["melanin_fraction"], people["blood_fraction"])
    return pd.Series(np.asarray(angles), isic_ids)


def truths(twins, angles, target, side):
    """Renderings with skin of the target angle, uint8 (n, side, side, 3)."""
    rendered = []
    for name, ita in angles.items():
        image = twins.render(name, target - ita).image
        rendered.append(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA))
    return np.stack(rendered)


def lesion_weights(catalog, side):
    """Share of each pixel that is lesion, float (n, side, side)."""
    masks = [read_mask(path).astype("float32") for path in catalog.mask_paths]
    resized = [
        cv2.resize(one, (side, side), interpolation=cv2.INTER_AREA) for one in masks
    ]
    return np.stack(resized)


def skin_of(weight):
    """Pixels well away from the lesion."""
    return cv2.dilate(weight, np.ones((7, 7))) == 0


def skin_angle(lab, weight):
    """ITA of the median colour of the skin, in degrees."""
    lightness, _, b = np.median(lab[skin_of(weight)], axis=0)
    return float(angle(lightness, b))


def figures(made, truth, weight):
    """What is told of one photograph: dict."""
    lab, true = rgb2lab(made), rgb2lab(truth)
    away = deltaE_ciede2000(true, lab)
    lesion = weight > 0.5
    inside = [one[..., 0][lesion] for one in (lab, true)]
    error = angle_difference(skin_angle(lab, weight), skin_angle(true, weight))
    return {
        "skin": np.median(away[skin_of(weight)]),
        "lesion": np.median(away[lesion]),
        "structure": np.corrcoef(*inside)[0, 1],
        "ITA error": abs(error),
    }


def sheet(rows, path):
    """One column a photograph: as it is, as it truly is in darker skin, and as made."""
    grid = np.concatenate([np.concatenate(row[:SHOWN], axis=1) for row in rows])
    Image.fromarray(grid).resize((grid.shape[1] * 2, grid.shape[0] * 2)).save(path)


def main(
    run: str = "runs/tone_editing",
    data: str = "phantom:n=1200,seed=31,size=64,tones=balanced,dermatoscope=false",
    image_size: int = 64,
    n_steps: int = 1500,
    n: int = 60,
    seed: int = 0,
) -> None:
    """Train once, edit unseen phantoms, and tell how far each is from the truth.

    Args:
        run: Run directory; what is finished in it is not done again.
        data: Data source of phantoms.
        image_size: Side of the images.
        n_steps: Steps of the diffusion.
        n: Most photographs that are edited.
        seed: Of training and noise.
    """
    keras.utils.set_random_seed(seed)
    directory = trained(run, data, image_size, n_steps, seed)
    settings = directory.settings(TrainGeneratorSettings)
    diffusion = load_best(built_generator(settings), directory.generator)
    catalog = directory.catalog
    take = partial(resized_images, PreparedImages.load(directory.prepared_real))
    twins = MelaninTwins.of(catalog)
    dark = catalog.split("train").where(tone_group="dark")
    target = true_angles(twins, dark.table["isic_id"]).median()
    seen = rgb2lab(take(dark, image_size)(np.arange(len(dark))))
    dark_skin = zip(seen, lesion_weights(dark, image_size), strict=True)
    asked = float(np.median([skin_angle(*one) for one in dark_skin]))

    light = catalog.where(split=["val", "test"]).where(tone_group="light")
    angles = true_angles(twins, light.table["isic_id"])
    reachable = [
        not np.isnan(twins.melanin(name, target - ita)) for name, ita in angles.items()
    ]
    light = light.where(np.asarray(reachable))
    light = light.where(np.arange(len(light)) < n)
    images = take(light, image_size)(np.arange(len(light)))
    truth = truths(twins, angles[light.table["isic_id"]], target, image_size)
    weights = lesion_weights(light, image_size)
    conditions = condition_indices(light)
    conditions[:, 1] = condition_indices(dark)[0, 1]

    transfer = ToneTransfer(asked)
    recoloured = np.rint(transfer.transfer(images, asked, weights)).astype("uint8")
    made = {"nothing": images, "ToneTransfer": recoloured}
    for strength in STRENGTHS:
        made[f"image to image {strength}"] = edit(
            diffusion, images, conditions, seed, strength
        )
    # A little more than the lesion, so that its border is not made of two skins.
    grown = [cv2.dilate(one, np.ones((3, 3))) for one in weights]
    kept = np.stack([cv2.GaussianBlur(one, (0, 0), 1) for one in grown])
    for strength in STRENGTHS:
        made[f"inpainting {strength}"] = edit(
            diffusion, images, conditions, seed, strength, kept
        )
    print(
        f"{len(light)} photographs of light skin made as dark as {target:.0f} degrees; "
        f"ToneTransfer was asked for {asked:.0f}, as the photographs show it"
    )
    told = {}
    for name, found in made.items():
        rows = [figures(*one) for one in zip(found, truth, weights, strict=True)]
        told[name] = pd.DataFrame(rows).median()
    print(pd.DataFrame(told).T.round(2).to_string())
    sheet([images, truth, *list(made.values())[1:]], directory.path / "editing.png")
    print(f"sheet: {directory.path / 'editing.png'}")


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
