"""Classifiers of lesions: the table, the network, and what it learns from."""

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from keras_derm.catalog import (
    CLOSE_UP,
    DERMOSCOPIC,
    Catalog,
    Lesions,
    get_task,
    split_catalog,
)
from keras_derm.classifiers import (
    LesionExamples,
    LesionTable,
    build_lesion_network,
    fit_decision_exponent,
    predict_lesions,
    times_frequencies,
    train_lesion_network,
)
from keras_derm.layers import resize
from keras_derm.pipeline import prepare
from keras_derm.settings import TrainLesionClassifierSettings

SIDE, N = 16, 36
ALL = ("dermoscopic", "close_up", "table")
COLUMNS = ("age_approx", "sex")
SMALL = {"backbone": "CustomCNN", "hidden_units": 8, "table_units": 4}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """Pairs of noise whose dermoscopic photographs have the colour of the diagnosis.

    Lesion 0 lacks its dermoscopic photograph, lesion 1 its close-up, lesion 2 all that
    is known besides.
    """
    import cv2

    folder = tmp_path_factory.mktemp("pairs")
    generator = np.random.default_rng(0)
    rows = []
    for lesion in range(N):
        diagnosis = ("NV", "MEL", "BCC")[lesion % 3]
        for kind in (DERMOSCOPIC, CLOSE_UP):
            if (lesion, kind) in ((0, DERMOSCOPIC), (1, CLOSE_UP)):
                continue
            name = f"{kind[:8]}_{lesion:02d}"
            image = generator.integers(0, 60, (20, 24, 3))
            image[..., lesion % 3] += 120 if kind == DERMOSCOPIC else 0
            cv2.imwrite(str(folder / f"{name}.png"), image.astype("uint8"))
            rows.append(
                {
                    "isic_id": name,
                    "path": f"{name}.png",
                    "diagnosis": diagnosis,
                    "lesion_id": str(lesion),
                    "image_type": kind,
                    "age_approx": None if lesion == 2 else 20 + lesion,
                    "sex": None if lesion == 2 else ("male", "female")[lesion % 2],
                    "MONET_hair": None if lesion == 2 else lesion / N,
                }
            )
    return split_catalog(Catalog(pd.DataFrame(rows), folder), (0.6, 0.2, 0.2), 0)


@pytest.fixture(scope="module")
def prepared(catalog, tmp_path_factory):
    return prepare(catalog, resize(SIDE), tmp_path_factory.mktemp("prepared") / "real")


@pytest.fixture(scope="module")
def examples(catalog, prepared):
    task = get_task("diagnosis11")
    return LesionExamples.of(catalog, task, prepared, COLUMNS, ("MONET_*",))


@pytest.fixture(scope="module")
def network(examples):
    keras.utils.set_random_seed(0)
    width = examples.table.width
    model = build_lesion_network(ALL, 3, image_size=SIDE, table_width=width, **SMALL)
    for name in ALL:
        absent = model.get_layer("head").get_layer(f"{name}_or_absent")
        absent.set_weights([np.full(absent.absent.shape, 0.5)])
    return model


def test_table_is_standardised_on_training_lesions(catalog):
    lesions = Lesions.of(catalog)
    train = lesions.split("train")
    table = LesionTable.fit(train, COLUMNS, ("MONET_*",))
    encoded = table.encode(lesions)
    assert encoded.shape == (N, table.width) == (N, 8)
    age = train.values("age_approx").to_numpy()
    mean, deviation = np.nanmean(age), np.nanstd(age)
    found = dict(zip(lesions.catalog.table["lesion_id"], encoded, strict=True))
    assert found["9"][:2] == pytest.approx([(29 - mean) / deviation, 1], abs=1e-5)
    assert found["2"].tolist() == [0] * 8  # nothing is known
    assert found["9"][-2:].tolist() == [1, 0]  # female, male
    assert found["0"][2:6].tolist()[:2] == [0, 0]  # no dermoscopic photograph
    assert found["0"][5] == 1


def test_table_is_written_and_read_as_it_was(examples):
    again = LesionTable(**examples.table.to_dict())
    assert np.array_equal(
        again.encode(examples.lesions), examples.table.encode(examples.lesions)
    )


def test_numbers_far_off_and_words_not_met_say_little(catalog):
    table = LesionTable.fit(Lesions.of(catalog), COLUMNS)
    other = catalog.with_columns(age_approx=119.0, sex="intersex")
    encoded = table.encode(Lesions.of(other))
    assert encoded[:, 0].max() <= 5
    assert not encoded[:, 2:].any()


def test_a_table_of_nothing_is_refused(catalog):
    lesions = Lesions.of(catalog)
    with pytest.raises(ValueError, match="no column bmi.*Received: isic_id, "):
        LesionTable.fit(lesions, ["bmi"])
    with pytest.raises(ValueError, match="must hold numbers. Received: 'sex'"):
        LesionTable.fit(lesions, [], ["sex"])
    unknown = Lesions.of(catalog.with_columns(age_approx=None))
    with pytest.raises(ValueError, match="leave the table out. Received: age_approx"):
        LesionTable.fit(unknown, ["age_approx"])


def test_lesions_of_a_split_are_in_no_other(examples):
    ids, names = [], examples.lesions.photographs.table["lesion_id"]
    for part in map(examples.split, ("train", "val", "test")):
        rows = np.concatenate(list(part.lesions.rows.values()))
        ids.append(set(names.iloc[rows[rows >= 0]]))
    assert sum(map(len, ids)) == N == len(set.union(*ids))


def test_every_batch_holds_both_photographs_of_a_lesion(examples, catalog):
    train = examples.split("train")
    names = train.lesions.catalog.table["lesion_id"].astype(int).to_numpy()
    order = {"batch_size": 4, "shuffle": True, "repeat": True, "seed": 3}
    batches = train.batches(ALL, names, **order)
    prepared, rows = examples.prepared, train.lesions.rows
    seen = []
    for taken, lesions in batches.take(8):
        places = [names.tolist().index(lesion) for lesion in lesions.numpy()]
        for name, kind in (("dermoscopic", DERMOSCOPIC), ("close_up", CLOSE_UP)):
            there = rows[kind][places] >= 0
            indices = prepared.indices(catalog)[rows[kind][places][there]]
            expected = prepared.take(indices)
            assert np.array_equal(taken[name].numpy()[there], expected)
        assert np.array_equal(taken["given"].numpy()[:, 1], rows[CLOSE_UP][places] >= 0)
        encoded = train.table.encode(train.lesions)[places]
        assert np.array_equal(taken["table"].numpy(), encoded)
        seen += lesions.numpy().tolist()
    again = [one for _, lesions in batches.skip(3).take(5) for one in lesions.numpy()]
    assert again == seen[12:]


@pytest.mark.parametrize(
    "inputs", [("dermoscopic",), ("close_up",), ("close_up", "table"), ALL]
)
def test_whatever_is_missing_there_is_an_answer(examples, inputs):
    keras.utils.set_random_seed(0)
    width = examples.table.width
    model = build_lesion_network(inputs, 3, image_size=SIDE, table_width=width, **SMALL)
    for withheld in ((), inputs[:1], inputs):
        found = predict_lesions(model, examples, inputs, withheld)
        assert found.shape == (N, 3)
        assert np.isfinite(found).all()
        assert found.sum(axis=1) == pytest.approx(1)
    alike = predict_lesions(model, examples, inputs, withheld=inputs)
    assert np.ptp(alike, axis=0) == pytest.approx(0, abs=1e-6)


def test_what_is_withheld_is_not_looked_at(examples, network, catalog):
    said = predict_lesions(network, examples, ALL, withheld=("table",))
    other = catalog.with_columns(age_approx=90.0, sex="male")
    others = LesionExamples(
        Lesions.of(other), examples.task, examples.prepared, examples.table
    )
    assert predict_lesions(network, others, ALL, ("table",)) == pytest.approx(said)
    with_table = predict_lesions(network, others, ALL)
    assert np.abs(with_table - predict_lesions(network, examples, ALL)).max() > 1e-4


def test_order_of_the_rows_changes_nothing(examples, network, catalog):
    order = np.random.default_rng(1).permutation(len(catalog))
    mixed = Catalog(catalog.table.iloc[order])
    others = LesionExamples(
        Lesions.of(mixed), examples.task, examples.prepared, examples.table
    )
    found = {
        lesion: one
        for each in (examples, others)
        for lesion, one in [
            (
                id(each),
                pd.DataFrame(predict_lesions(network, each, ALL, flips=True))
                .set_index(each.lesions.catalog.table["lesion_id"].to_numpy(object))
                .sort_index(),
            )
        ]
    }
    first, second = found.values()
    assert first.index.equals(second.index)
    assert np.allclose(first, second, atol=1e-6)


def test_flips_are_averaged(examples, network):
    alone = predict_lesions(network, examples, ALL)
    averaged = predict_lesions(network, examples, ALL, flips=True)
    assert np.abs(averaged - alone).max() > 1e-5
    batch = next(iter(examples.batches(ALL, batch_size=N)))[0]
    views = []
    for axes in ((), 2, 1, (1, 2)):
        turned = {
            name: np.flip(value, axes) if name in ALL[:2] else value
            for name, value in ((n, v.numpy()) for n, v in batch.items())
        }
        views.append(network.predict_on_batch(turned))
    assert averaged == pytest.approx(np.mean(views, axis=0), abs=1e-5)


def test_network_is_saved_and_says_the_same(examples, network, tmp_path):
    network.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert predict_lesions(again, examples, ALL) == pytest.approx(
        predict_lesions(network, examples, ALL), abs=1e-6
    )


@pytest.mark.parametrize("inputs", [(), ("table",), ("photo",), ("close_up",) * 2])
def test_inputs_that_cannot_be_are_refused(inputs):
    with pytest.raises(ValueError, match="a photograph among them. Received: "):
        build_lesion_network(inputs, 3, "CustomCNN", SIDE, table_width=3)


def test_a_table_needs_its_width():
    with pytest.raises(ValueError, match="`table_width`.*Received: None"):
        build_lesion_network(("close_up", "table"), 3, "CustomCNN", SIDE)


def test_it_learns_from_what_tells_the_classes_apart(examples, tmp_path):
    inputs = ("dermoscopic", "table")
    settings = TrainLesionClassifierSettings(
        **SMALL,
        columns=COLUMNS,
        batch_size=7,
        epochs=8,
        learning_rate=0.01,
        dropout=0.0,
        augmentation_strength=0.0,
    )
    model = train_lesion_network(examples, settings, inputs, tmp_path)
    held_out = examples.split("val")
    found = predict_lesions(model, held_out, inputs)
    # The epoch of the best AUC on val is kept.
    assert roc_auc_score(held_out.targets, found, multi_class="ovr") > 0.9
    history = pd.read_csv(tmp_path / "history.csv")
    assert len(history) == settings.epochs
    assert history["val_accuracy"].iloc[-1] > 0.8


def test_exponent_of_the_best_macro_f1_is_found():
    generator = np.random.default_rng(0)
    frequencies = np.array([80, 15, 5])
    targets = generator.choice(3, 4000, p=frequencies / 100)
    logits = generator.normal(size=(4000, 3)) + 1.5 * np.eye(3)[targets]
    balanced = np.exp(1.5 * logits)  # as if all classes were as frequent
    balanced /= balanced.sum(axis=1, keepdims=True)
    exponent = fit_decision_exponent(targets, balanced, frequencies)
    assert 0.5 <= exponent <= 1
    archive = times_frequencies(balanced, frequencies, 1)
    assert fit_decision_exponent(targets, archive, frequencies) == pytest.approx(
        exponent - 1
    )
    assert times_frequencies(archive, frequencies, -1) == pytest.approx(balanced)
    assert times_frequencies(balanced, 7 * frequencies, 0) == pytest.approx(balanced)
