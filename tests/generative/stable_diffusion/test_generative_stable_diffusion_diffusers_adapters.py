"""Adapters are those of Diffusers, read and written."""

import json

import numpy as np
import pytest
import tiny_diffusers as tiny
from safetensors.numpy import load_file, save_file

from keras_derm.files import DamagedFileError
from keras_derm.generative.stable_diffusion.diffusers_adapters import (
    module_paths,
    read_diffusers_adapter,
    write_diffusers_adapter,
)
from keras_derm.networks import (
    activate,
    adapter_variables,
    add_adapter,
    lora_layers,
)

pytestmark = pytest.mark.filterwarnings("ignore:You are using a softmax")
RANK, ALPHA = 2, 3  # of `make_references.py`
EXPECTED = tiny.last(np.load(tiny.REFERENCES / "outputs.npz")["adapted_noise"])
PLAIN = tiny.last(np.load(tiny.REFERENCES / "outputs.npz")["noise"])


@pytest.fixture(autouse=True)
def leave_inactive(unet):
    yield
    activate(unet, None)


def tensors():
    """Of the adapter that the reference has, by their names in the file."""
    shapes = tiny.shapes()["adapter"]
    return {f"unet.{name}": tiny.seeded(name, shape) for name, shape in shapes.items()}


def as_peft_writes_it(path):
    header = {"unet.r": RANK, "unet.lora_alpha": ALPHA}
    save_file(tensors(), path, {"lora_adapter_metadata": json.dumps(header)})


def with_keys_of_alpha(path):
    written = {}
    for name, tensor in tensors().items():
        before = name.replace("lora_A", "lora.down").replace("lora_B", "lora.up")
        written[before] = tensor
        module = name.rsplit(".lora_", 1)[0]
        written[f"{module}.alpha"] = np.array(ALPHA, "float32")
    save_file(written, path)


def with_alpha_in_the_second_matrix(path):
    save_file(
        {
            name: tensor * (ALPHA / RANK if ".lora_B" in name else 1)
            for name, tensor in tensors().items()
        },
        path,
    )


def test_the_adapted_unet_is_that_of_diffusers(unet, tmp_path):
    assert np.abs(EXPECTED - PLAIN).max() > 0.1
    as_peft_writes_it(tmp_path / "adapter.safetensors")
    read_diffusers_adapter(unet, "peft", tmp_path / "adapter.safetensors")
    assert np.abs(tiny.noise_of(unet) - EXPECTED).max() < 2e-5
    activate(unet, None)
    assert np.abs(tiny.noise_of(unet) - PLAIN).max() < 2e-5


@pytest.mark.parametrize(
    "write", [as_peft_writes_it, with_keys_of_alpha, with_alpha_in_the_second_matrix]
)
def test_alpha_is_read_wherever_it_stands(unet, tmp_path, write):
    write(tmp_path / "adapter.safetensors")
    read_diffusers_adapter(unet, write.__name__, tmp_path / "adapter.safetensors")
    (change,) = (
        layer.kernel_change(write.__name__)
        for place, layer in lora_layers(unet, write.__name__).items()
        if place == "mid_block.attentions.0.transformer_block.attn2.out_proj"
    )
    module = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0"
    down, up = (tensors()[f"{module}.lora_{side}.weight"] for side in "AB")
    np.testing.assert_allclose(change, ALPHA / RANK * (up @ down).T, atol=1e-6)


def test_what_is_written_is_what_was_read(unet, tmp_path):
    as_peft_writes_it(tmp_path / "theirs.safetensors")
    read_diffusers_adapter(unet, "theirs", tmp_path / "theirs.safetensors")
    write_diffusers_adapter(unet, "theirs", tmp_path / "ours.safetensors")
    ours = load_file(tmp_path / "ours.safetensors")
    theirs = tensors()
    assert set(ours) == set(theirs)
    for name, tensor in theirs.items():
        factor = ALPHA / RANK if ".lora_B" in name else 1  # there is no alpha beside it
        np.testing.assert_allclose(ours[name], tensor * factor, rtol=1e-6)


def test_modules_of_the_paper_and_all(unet):
    for modules, n_layers in (("cross_attention", 64), ("all_attention", 128)):
        where = module_paths(modules)
        layers = add_adapter(unet, modules, rank=1, where=where)
        assert len(layers) == n_layers
        trainable = {id(v) for v in unet.trainable_variables}
        assert trainable == {id(v) for v in adapter_variables(unet, modules)}
    with pytest.raises(ValueError, match="`modules` must be one of"):
        module_paths("all")


def test_files_of_something_else_are_refused(unet, tmp_path):
    path = tmp_path / "adapter.safetensors"
    first = next(iter(tensors()))
    module = first.rsplit(".lora_", 1)[0]
    text = {"text_encoder.layers.0.q_proj.lora_A.weight": np.zeros((2, 4), "float32")}
    for content, said in (
        (text, "text_encoder"),
        ({"unet.conv_in.weight": np.zeros(3, "float32")}, "conv_in"),
        ({}, "attention projections alone"),
        (
            {
                f"{module}.lora_A.weight": np.zeros((2, 33), "float32"),
                f"{module}.lora_B.weight": np.zeros((32, 2), "float32"),
            },
            r"must have shapes \(\(2, 32\), \(32, 2\)\)",
        ),
    ):
        save_file(content, path)
        with pytest.raises(ValueError, match=rf"adapter\.safetensors.*{said}"):
            read_diffusers_adapter(unet, "wrong", path)
    save_file({f"{module}.lora_A.weight": np.zeros((2, 32), "float32")}, path)
    with pytest.raises(DamagedFileError, match="no tensor"):
        read_diffusers_adapter(unet, "wrong", path)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_diffusers_adapter(unet, "wrong", tmp_path / "none.safetensors")
