"""Train generators on one device and on two, in a process of its own.

Logical devices must be set before TensorFlow starts. The networks are without batch
normalization, whose statistics are each device's own.
"""

import keras
import numpy as np
import tensorflow as tf
from generator_checks import (
    conditional_batches,
    losses,
    small_critic,
    small_generator,
    translation_batches,
)

from keras_derm.generative import SNGAN, ConditionalWGANGP, CycleGAN, Diffusion


def sngan():
    return SNGAN(small_generator(), small_critic())


def conditional_wgan_gp():
    return ConditionalWGANGP(
        small_generator(), small_critic(), critic_steps=2, augmentation=True
    )


def cyclegan():
    return CycleGAN.with_networks(16, base_channels=2, depth=1, pool_size=3)


def diffusion():
    images = next(iter(conditional_batches(1, 16, side=32)))[0].numpy()
    model = Diffusion.with_networks(32, n_components=12, channels=(32,))
    model.code.fit(images)
    return model


def compiled(make):
    keras.utils.set_random_seed(1)
    model = make()
    model.compile()
    return model


def check(make, batches):
    """The same losses on one device and on two, and replicas that stay equal."""
    reference = compiled(make)
    reference.run_eagerly = True
    with mirrored.scope():
        model = compiled(make)
    one, two = losses(reference, batches), losses(model, batches)
    assert one.shape == two.shape and len(one) == 3, (one.shape, two.shape)
    np.testing.assert_allclose(two, one, rtol=1e-3, atol=1e-4)
    for weight in model.weights:
        values = [value.numpy() for value in weight.value.values]
        np.testing.assert_array_equal(*values, err_msg=weight.path)
    print(f"{make.__name__} agrees")


def check_accumulation_is_refused():
    with mirrored.scope():
        optimizer = keras.optimizers.Adam(gradient_accumulation_steps=4)
        try:
            sngan().compile(optimizer)
        except ValueError as error:
            assert "steps=4, 2 devices" in str(error), error
            print("accumulation is refused")


if __name__ == "__main__":
    cpu = tf.config.list_physical_devices("CPU")[0]
    logical_device = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(cpu, [logical_device] * 2)
    mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    # What TensorFlow rewrites in a graph to run it faster takes longer than the steps.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    check(sngan, conditional_batches(3))
    check(conditional_wgan_gp, conditional_batches(3))
    check(cyclegan, translation_batches(3, batch_size=2))
    check(diffusion, conditional_batches(3, side=32))
    check_accumulation_is_refused()
