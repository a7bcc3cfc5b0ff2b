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


@pytest.fixture(scope="module")
def unet(folder):
    """Its U-Net. Adapters that a test adds stay in it."""
    import tiny_diffusers

    from keras_derm.generative.stable_diffusion.diffusers_folder import DiffusersFolder
    from keras_derm.generative.stable_diffusion.unet import build_unet

    read = DiffusersFolder(folder)
    network = build_unet(read.configs["unet"], tiny_diffusers.IMAGE_SIZE)
    read.fill(network, "unet")
    return network
