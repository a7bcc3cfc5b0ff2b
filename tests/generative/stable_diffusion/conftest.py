import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
pytest.importorskip("keras_cv")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A Diffusers folder of tiny networks, which tests leave as it is."""
    import tiny_diffusers

    return tiny_diffusers.write_folder(tmp_path_factory.mktemp("sd") / "tiny")
