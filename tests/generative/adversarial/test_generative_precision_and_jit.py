import keras
import numpy as np
import pytest
from generator_checks import (
    conditional_batches,
    losses,
    small_critic,
    small_generator,
    translation_batches,
)

from keras_derm.generative import SNGAN, ConditionalWGANGP, CycleGAN

MODELS = {
    "sngan": lambda: SNGAN(small_generator(), small_critic()),
    "conditional_wgan_gp": lambda: ConditionalWGANGP(
        small_generator(), small_critic(), critic_steps=2
    ),
    "cyclegan": lambda: CycleGAN.with_networks(16, base_channels=2, depth=2),
}


def batches(name):
    if name == "cyclegan":
        return translation_batches(2)
    return conditional_batches(2)


@pytest.mark.parametrize("name", MODELS)
def test_half_precision_keeps_weights_whole_and_is_saved(name, tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = MODELS[name]()
    finally:
        keras.config.set_dtype_policy("float32")
    model.compile()
    model.run_eagerly = True
    assert np.isfinite(losses(model, batches(name))).all()
    assert {w.dtype for w in model.trainable_variables} == {"float32"}
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    computed_in = {layer.compute_dtype for layer in loaded.averaged_generator.layers}
    assert computed_in == {"bfloat16", "float32"}
    first, second = (
        [
            layer.compute_dtype
            for layer in one.averaged_generator._flatten_layers(include_self=False)
            if not isinstance(layer, keras.layers.InputLayer)
        ]
        for one in (model, loaded)
    )
    assert first == second  # the layers within layers too


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_losses_are_the_same_with_xla(name):
    found = []
    for jit_compile in (False, True):
        keras.utils.set_random_seed(1)
        model = MODELS[name]()
        model.compile(jit_compile=jit_compile)
        found.append(losses(model, batches(name)))
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-5)
