"""The generators there are, by name."""

import importlib

GENERATORS = {
    "sngan": "keras_derm.generative.adversarial.sngan:SNGAN",
    "conditional_wgan_gp": (
        "keras_derm.generative.adversarial.conditional_wgan_gp:ConditionalWGANGP"
    ),
    "diffusion": "keras_derm.generative.diffusion.diffusion:Diffusion",
    "cyclegan": "keras_derm.generative.adversarial.cyclegan:CycleGAN",
    "stable_diffusion": (
        "keras_derm.generative.stable_diffusion.stable_diffusion:StableDiffusion"
    ),
}
"""Where the class of each lies, or the class: it is imported when it is asked for."""


def register_generator(generator):
    """Decorator that adds a `Generator` class under the name of its `Settings`.

    Args:
        generator: Class of a generator.

    Raises:
        ValueError: If another class has the name.

    Example:
        >>> @dataclass(frozen=True, kw_only=True)
        ... class ColourNoiseSettings(GeneratorSettings, name="colour_noise"):
        ...     batch_size: Count = 64
        >>> @register_generator
        ... class ColourNoise(Generator):
        ...     Settings = ColourNoiseSettings
        ...     ...
    """
    name = generator.Settings.name
    if name in GENERATORS:
        raise ValueError(
            f"a generator of this name is there already. Received: name={name!r}"
        )
    GENERATORS[name] = generator
    return generator


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
