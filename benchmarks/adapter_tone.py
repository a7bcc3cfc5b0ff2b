"""Does an adapter make the tone asked for? Samples before and after, beside real skin.

Of a run whose generator (diffusion) was adapted to darker skin: for each type of
photograph that it is told and each tone group, images with the diagnoses of training
images are made from the same noise, without the adapter and with it. They and real
training images of the group are judged by the tone network of that type (value: labels
from the lightest, 0; for close-ups it is proven, for dermoscopy it is not), by ITA, a*
and chroma of the skin, and by the share in which skin can be measured. ITA alone is no
proof: red, warm skin has a low one. Last, what the adapter must not touch.

Usage: python benchmarks/adapter_tone.py --run RUN [--n 60]
"""

import numpy as np
import pandas as pd
from jsonargparse import auto_cli
from rich.progress import track

from keras_derm.catalog import CLINICAL_TYPES
from keras_derm.generative import load_best
from keras_derm.generative.conditions import CONDITION_TONES
from keras_derm.jobs.train_generator import built_generator, training_images
from keras_derm.pipeline import PreparedImages
from keras_derm.runs import RunDirectory
from keras_derm.settings import TrainGeneratorSettings
from keras_derm.skin_tone import IndividualTypologyAngle, Photograph, shipped_networks


def judged(images, image_type, estimators):
    """Medians of what is measured of images: a dict."""
    ita = IndividualTypologyAngle()
    rows = []
    for image in images:
        photograph = Photograph(image, image_type=image_type)
        row = {"ITA": ita.measure_photograph(photograph)["ita"]}
        view = photograph.view
        pixels = view.lab[view.skin] if view.skin.any() else view.lab.reshape(-1, 3)
        row["a*"] = np.median(pixels[:, 1])
        row["chroma"] = np.median(np.hypot(pixels[:, 1], pixels[:, 2]))
        for estimator in estimators:
            if image_type in estimator.image_types:
                row["network"] = estimator.estimate(photograph).value
        rows.append(row)
    table = pd.DataFrame(rows)
    return table.median().to_dict() | {"measurable": table["ITA"].notna().mean()}


def untouched(generator, conditions):
    """Largest change of an estimate without conditions, adapter or not: 0."""
    noisy = np.ones((8, *generator.network.input_shape[0][1:]), "float32")
    empty = [*generator._untold(8)]
    generator._let_adapter_act(False)
    before = generator._estimate(noisy, 1.0, empty)
    generator.sample(conditions[:4], 0, by_adapter=True)
    generator._let_adapter_act(False)
    return float(np.abs(generator._estimate(noisy, 1.0, empty) - before).max())


def main(run: str, n: int = 60, seed: int = 0) -> None:
    """Judge samples of each tone group, without and with the adapter.

    Args:
        run: Run directory whose train_generator has adapt.
        n: Images of each kind.
        seed: Of the draw and of the noise.
    """
    directory = RunDirectory(run)
    settings = directory.settings(TrainGeneratorSettings)
    generator = load_best(built_generator(settings), directory.generator)
    rows = directory.catalog.split("train")
    prepared = PreparedImages.load(directory.prepared_real)
    images = training_images(directory, settings, prepared, rows)
    known = generator.conditions_of(rows.table)
    estimators = shipped_networks()
    types = generator.conditions.get("image_type", ("dermoscopic",))
    table, told = rows.table, []
    work = [(t, tone) for t in types for tone in CONDITION_TONES]
    for image_type, tone in track(work, "Samples"):
        of_kind = (table["tone_group"].astype(object) == tone).to_numpy(bool)
        if len(types) > 1:
            of_kind = of_kind & (table["image_type"] == image_type).to_numpy(bool)
        if of_kind.sum() < 5:
            continue
        drawn = np.random.default_rng(seed).choice(np.flatnonzero(of_kind), n)
        real = images(np.unique(drawn))[..., :3]
        sets = {
            "real": real,
            "without adapter": generator.sample(known[drawn], seed),
            "with adapter": generator.sample(known[drawn], seed, by_adapter=True),
        }
        for name, found in sets.items():
            row = {"type": image_type, "asked": tone, "images": name, "n": len(found)}
            told.append(row | judged(found, image_type, estimators))
    print(pd.DataFrame(told).round(2).to_string(index=False))
    change = untouched(generator, known)
    print(f"branch without conditions, changed by the adapter by at most {change:g}")
    kinds = [t for t in types if t in CLINICAL_TYPES]
    print(f"close-ups, whose network is proven: {', '.join(kinds) or 'none'}")


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
