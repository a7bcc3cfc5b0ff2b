import numpy as np

from keras_derm.evaluation.image_quality.synthetic_quality import (
    SETS,
    draw_alike,
    judge_synthetic_images,
)


class MeanColour:
    """Three features of an image: no network is needed to see what is compared."""

    name = "mean colour"

    def __call__(self, images):
        return np.asarray(images, "float64").mean(axis=(1, 2))


def noisy(level, n, seed):
    generator = np.random.default_rng(seed)
    means = generator.normal(level, 8, (n, 1, 1, 3))
    images = means + generator.normal(0, 1, (n, 8, 8, 3))
    return images.clip(0, 255).astype("uint8")


def judged(synthetic):
    images = {
        "training": noisy(120, 80, 1),
        "held out": noisy(120, 60, 2),
        "synthetic": synthetic,
    }
    diagnoses = {name: np.repeat("MEL", len(found)) for name, found in images.items()}
    return judge_synthetic_images(images, diagnoses, MeanColour())


def test_images_like_real_ones_are_near_the_floor_and_others_are_not():
    for level, near in ((120, True), (160, False)):
        table, memory = judged(noisy(level, 60, 3))
        value = table[table["metric"].str.startswith("Fréchet")].set_index("set")
        assert set(value.index) == set(SETS.values())
        floor, made, copies, noise = (value.loc[SETS[n], "value"] for n in SETS)
        assert (made < 5 * floor) == near
        assert memory["n"] == 60 and memory["network"] == "mean colour"
        assert (memory["memorisation_ratio"] < 2) == near


def test_images_learned_by_heart_are_found_also_where_they_are_turned():
    learned = noisy(120, 80, 1)[:60][:, ::-1]
    _, memory = judged(learned)
    assert memory["memorisation_ratio"] == 0 and memory["copied_share"] == 1


def test_nothing_is_said_of_memory_where_no_diagnosis_is_held_out():
    names = ("training", "held out", "synthetic")
    images = {name: noisy(120, 30, i) for i, name in enumerate(names)}
    diagnoses = {name: np.repeat("MEL", 30) for name in images}
    diagnoses["held out"] = np.repeat("NV", 30)
    _, memory = judge_synthetic_images(images, diagnoses, MeanColour())
    assert memory == {"memorisation_ratio": None, "copied_share": None, "n": 0}


def test_as_many_of_each_diagnosis_are_drawn_as_are_wanted_or_there():
    diagnoses = np.array(["NV"] * 50 + ["MEL"] * 3)
    rows = draw_alike(diagnoses, ["MEL"] * 5 + ["NV"] * 7, seed=0)
    names, counts = np.unique(diagnoses[rows], return_counts=True)
    assert dict(zip(names, counts, strict=True)) == {"MEL": 3, "NV": 7}
    assert len(set(rows)) == 10
