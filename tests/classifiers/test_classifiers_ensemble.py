import zipfile

import pytest

from keras_derm.classifiers import load_classifier


def test_a_saved_model_that_unpacks_to_what_fills_the_memory_is_refused(tmp_path):
    path = tmp_path / "ensemble.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("model.weights.h5", bytes(200_000_000))
    assert path.stat().st_size < 1_000_000
    with pytest.raises(ValueError, match="unpacks to 200,000,000 bytes.*train it"):
        load_classifier(path)
