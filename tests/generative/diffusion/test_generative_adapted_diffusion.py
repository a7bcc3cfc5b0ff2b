"""An adapter of a diffusion model, and what it leaves as it was."""

import keras
import numpy as np
import pandas as pd
import pytest
from generator_checks import conditional_batches, losses
from PIL import Image

from keras_derm.catalog import Catalog, CatalogError
from keras_derm.generative import AdapterScope, Diffusion
from keras_derm.generative.generator import BY_ADAPTER, FROM_IMAGES
from keras_derm.networks import lora
from keras_derm.settings import DiffusionSettings, LoRASettings

SIDE = 32
CONDITIONS = np.array([[0, 2], [5, 2], [1, 2]])
SETTINGS = DiffusionSettings(
    channels=(32,),
    n_components=12,
    n_sampling_steps=3,
    lora=LoRASettings(rank=2, dropout=0.3, n_steps=4, learning_rate=0.05, guidance=2.0),
)


def trained(batches=2):
    """A model of the least size after some steps, and averages that moved."""
    keras.utils.set_random_seed(1)
    model = Diffusion.from_settings(SETTINGS, SIDE, n_steps=4)
    model.code.fit(next(iter(conditional_batches(1, 16, SIDE)))[0].numpy())
    model.run_eagerly = True  # Tracing would take longer than the steps.
    model.fit(conditional_batches(batches, side=SIDE), verbose=0, shuffle=False)
    model.run_eagerly = False
    return model


@pytest.fixture(scope="module")
def adapted():
    """The diffusion model with an adapter trained for four steps, and its trainer."""
    model = trained()
    before = model.sample(CONDITIONS, seed=3)
    trainer = model.adapted(SETTINGS, seed=5)
    told = losses(trainer, conditional_batches(4, side=SIDE))
    assert np.isfinite(told).all()
    return trainer, before


def test_only_the_adapter_learns(adapted):
    trainer, before = adapted
    model, fresh = trainer.diffusion, trained()
    for network in ("network", "averaged_network"):
        weights = getattr(model, network).weights
        mine = [v.numpy() for v in weights if "adapter" not in v.path]
        theirs = [v.numpy() for v in getattr(fresh, network).weights]
        assert len(mine) == len(theirs)
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(a, b)
    assert all(np.any(v.numpy()) for v in trainer.adapter)
    assert trainer.steps_done == 4


def test_the_adapter_acts_where_it_is_asked_for_alone(adapted):
    trainer, before = adapted
    model = trainer.diffusion
    np.testing.assert_array_equal(model.sample(CONDITIONS, seed=3), before)
    by_adapter = model.sample(CONDITIONS, seed=3, by_adapter=True)
    assert np.any(by_adapter != before, axis=(1, 2, 3)).all()
    mixed = model.sample(CONDITIONS, seed=3, by_adapter=np.array([True, False, True]))
    np.testing.assert_array_equal(mixed[1], before[1])
    assert np.abs(mixed[[0, 2]].astype(int) - by_adapter[[0, 2]]).max() <= 1


def test_the_branch_without_conditions_is_as_it_was(adapted):
    model, fresh = adapted[0].diffusion, trained()
    noisy = np.ones((2, *model.network.input_shape[0][1:]), "float32")
    estimates = []
    for one in (model, fresh):
        one._let_adapter_act(False)
        estimates.append(one._estimate(noisy, 1.0, one._untold(2)))
    np.testing.assert_array_equal(*estimates)


def test_it_is_read_back_from_its_file_and_makes_the_cells_it_learned(
    adapted, tmp_path
):
    trainer, before = adapted
    folder = tmp_path / Diffusion.ADAPTER
    folder.mkdir()
    trainer.write_for_others(folder)
    AdapterScope("tone_group=dark", ("dark",), 9).save(folder)
    assert (folder / "adapter.safetensors").stat().st_size < 20_000
    model = trained()
    model.load_adapters(tmp_path)
    light, dark = [0, 0], [0, 2]
    made = model.make((np.array([light, dark]), [2, 2]), seed=3)
    images, conditions = made.images, made.conditions
    np.testing.assert_array_equal(conditions, [light, light, dark, dark])
    source = trainer.diffusion
    expected = source.sample(conditions, 3, by_adapter=conditions[:, 1] == 2)
    assert np.abs(images.astype(int) - expected).max() <= 1
    assert Diffusion.knows(SETTINGS, None, {"tone_group": "dark"}, tmp_path) == (
        BY_ADAPTER
    )


@pytest.mark.slow
def test_its_training_goes_on_exactly(adapted, tmp_path):
    batches = conditional_batches(4, side=SIDE)
    first = trained().adapted(SETTINGS, seed=5)
    losses(first, batches.take(2))
    first.save_state(tmp_path / "generator.safetensors")
    second = trained().adapted(SETTINGS, seed=5)
    second.load_state(tmp_path / "generator.safetensors")
    assert second.steps_done == 2
    losses(second, batches.skip(2))
    for a, b in zip(adapted[0].adapter, second.adapter, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-5, err_msg=a.path)


def test_each_kind_of_attention_has_its_projections():
    for modules, n_attentions in (("cross_attention", 3), ("all_attention", 6)):
        options = LoRASettings(rank=2, n_steps=4, modules=modules)
        model = Diffusion.with_networks(SIDE, 12, (32,))
        model.adapted(DiffusionSettings(channels=(32,), lora=options))
        assert len(lora.lora_layers(model.averaged_network)) == 4 * n_attentions


@pytest.fixture
def catalog(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    table = pd.DataFrame(
        {
            "isic_id": ["a", "b", "c"],
            "path": "a.png",
            "diagnosis": ["MEL", "NV", "NV"],
            "tone_group": ["dark", "light", None],
            "split": "train",
        }
    )
    return Catalog(table, root=tmp_path)


def test_rows_are_chosen_by_columns_and_values(catalog):
    rows, scope = AdapterScope.rows(catalog, "diagnosis=NV,tone_group=light|unknown")
    assert rows.table["isic_id"].tolist() == ["b", "c"]
    assert scope == AdapterScope(
        "diagnosis=NV,tone_group=light|unknown", ("light", "unknown"), 2
    )
    assert scope.covers({"diagnosis": "NV", "tone_group": "unknown"})
    assert not scope.covers({"diagnosis": "MEL", "tone_group": "light"})
    rows, scope = AdapterScope.rows(catalog, "isic_id=a")
    assert scope.covers({"diagnosis": "BKL", "tone_group": "dark"})
    assert not scope.covers({"diagnosis": "BKL", "tone_group": "light"})


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("tone=dark", "columns of catalog.csv. Received: 'tone'"),
        ("tone_group=medium", "'tone_group=medium', where tone_group is"),
        ("diagnosis=MEL,tone_group=light", "no row meets all of them"),
    ],
)
def test_rows_that_are_not_there_are_refused(catalog, where, said):
    with pytest.raises(CatalogError, match=said):
        AdapterScope.rows(catalog, where)


def test_a_cell_of_its_training_images_is_known_without_adapter(catalog, tmp_path):
    cell = {"diagnosis": "MEL", "tone_group": "dark"}
    assert Diffusion.knows(SETTINGS, catalog, cell, tmp_path) == FROM_IMAGES
    assert Diffusion.knows(SETTINGS, catalog, cell | {"tone_group": "light"}) == ""
