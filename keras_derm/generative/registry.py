"""The generators there are, by name."""

import importlib

from keras_derm.settings import GENERATOR_SETTINGS

GENERATORS = {
    "sngan": "keras_derm.generative.adversarial.sngan:SNGAN",
    "conditional_wgan_gp": (
        "keras_derm.generative.adversarial.conditional_wgan_gp:ConditionalWGANGP"
    ),
    "cyclegan": "keras_derm.generative.adversarial.cyclegan:CycleGAN",
}
"""Where the class of each lies, or the class: it is imported when it is asked for."""


def register_generator(name):
    """Decorator that adds a `Generator` class, and its `Settings`, under a name.

    Args:
        name: Letters, digits and "_": files and options are called so.

    Raises:
        ValueError: If another class has the name.

    Example:

    ```python
    @register_generator("colour_noise")
    class ColourNoise(Generator):
        Settings = ColourNoiseSettings
        ...
    ```
    """

    def register(generator):
        if name in GENERATORS:
            raise ValueError(
                f"a generator of this name is there already. Received: name={name!r}"
            )
        GENERATORS[name] = generator
        GENERATOR_SETTINGS[name] = generator.Settings
        return generator

    return register


def generator_class(name):
    """The `Generator` class of a name.

    Raises:
        ValueError: If there is none.
    """
    if name not in GENERATORS:
        raise ValueError(
            f"a generator is one of {sorted(GENERATORS)}. Received: {name!r}"
        )
    found = GENERATORS[name]
    if not isinstance(found, str):
        return found
    module, _, cls = found.partition(":")
    return getattr(importlib.import_module(module), cls)
