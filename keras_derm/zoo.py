"""The trained models of saved_models, by name."""

import json

from keras_derm.described_network import SAVED_MODELS


def presets():
    """Names of the models that come with the repository, in order.

    Each has a card, `saved_models/NAME.md`, with what it was judged on and where not to
    use it.
    """
    return sorted(path.stem for path in SAVED_MODELS.glob("*.json"))


def from_preset(name):
    """Load a trained model, as `from_preset` of KerasHub does.

    Args:
        name: One of `presets()`.

    Returns:
        Of a classifier with a .keras file, the functional `keras.Model` from images
        (n, height, width, 3), RGB in [0, 255], to probabilities; of one without, the
        `keras_derm.export.QuantizedEnsemble`, whose `predict` takes the same. Of a
        segmenter the `keras_derm.lesion_finders.NetworkFinder`, of an estimator of
        skin tone the `keras_derm.skin_tone.ToneNetwork`, and of a generator the
        `keras_derm.generative.Diffusion` with its adapter. What photographs go through
        before a classifier is its `preset` in saved_models/NAME.json; predict.py does
        all of it.

    Raises:
        ValueError: There is no such model.

    Example:
        >>> finder = keras_derm.from_preset("lesion_outline_dermoscopic")
        >>> mask = finder.find(photograph).mask
    """
    if name not in presets():
        raise ValueError(
            f"`name` must be one of {', '.join(presets()) or 'none, as there are none'}"
            f" (the models of {SAVED_MODELS}). Received: {name!r}"
        )
    path = SAVED_MODELS / f"{name}.tflite"
    if path.with_suffix(".keras").is_file():
        from keras_derm.classifiers import load_classifier

        return load_classifier(path.with_suffix(".keras"))
    facts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    if "generator" in facts:
        return _generator(path, facts)
    if "rater" in facts:
        from keras_derm.skin_tone import ToneNetwork

        return ToneNetwork.load(path)
    if "network" in facts:
        from keras_derm.lesion_finders import NetworkFinder

        return NetworkFinder.load(path)
    from keras_derm.export import QuantizedEnsemble

    return QuantizedEnsemble(path)


def _generator(path, facts):
    from keras_derm.generative import AdapterScope, Diffusion

    model = Diffusion.read(path.with_suffix(".safetensors"))
    adapter = dict(facts["adapter"])
    file = path.with_name(adapter.pop("file"))
    adapter["tone_groups"] = tuple(adapter["tone_groups"])
    model.load_adapter(file, AdapterScope(**adapter))
    return model
