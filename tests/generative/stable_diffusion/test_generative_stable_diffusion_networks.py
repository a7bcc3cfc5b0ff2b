"""Networks read from a Diffusers folder give what Diffusers gives."""

import json
import shutil
import struct

import keras
import numpy as np
import pytest
import tiny_diffusers as tiny
from safetensors.numpy import load_file, save_file

from keras_derm.files import DamagedFileError
from keras_derm.generative.stable_diffusion.autoencoder import (
    build_decoder,
    build_encoder,
)
from keras_derm.generative.stable_diffusion.diffusers_folder import (
    DiffusersFolder,
    FolderError,
)
from keras_derm.generative.stable_diffusion.tensor_names import tensor_places
from keras_derm.generative.stable_diffusion.text_encoder import build_text_encoder

REFERENCE = np.load(tiny.REFERENCES / "outputs.npz")
INPUTS = tiny.inputs()
WITHIN = 2e-5  # outputs have standard deviations of 0.4 to 1

pytestmark = pytest.mark.filterwarnings("ignore:You are using a softmax")


def difference(found, expected):
    return np.abs(np.asarray(found, "float32") - expected).max()


def test_the_unet_is_that_of_diffusers(unet):
    assert len(tensor_places(unet)) == len(tiny.shapes()["unet"]) == 686
    assert difference(tiny.noise_of(unet), tiny.last(REFERENCE["noise"])) < WITHIN


def test_the_autoencoder_is_that_of_diffusers_both_ways(folder):
    read = DiffusersFolder(folder)
    networks = {}
    for build in (build_encoder, build_decoder):
        networks[build] = build(read.configs["vae"], tiny.IMAGE_SIZE)
        read.fill(networks[build], "vae")
    moments = networks[build_encoder](tiny.last(INPUTS["images"]))
    assert difference(moments, tiny.last(REFERENCE["moments"])) < WITHIN
    decoded = networks[build_decoder](tiny.last(INPUTS["latents"]))
    assert difference(decoded, tiny.last(REFERENCE["decoded"])) < WITHIN


def embedded(path):
    read = DiffusersFolder(path)
    network = build_text_encoder(read.configs["text_encoder"])
    read.fill(network, "text_encoder")
    return network(INPUTS["tokens"])


def test_the_text_encoder_is_that_of_transformers(folder):
    assert difference(embedded(folder), REFERENCE["embedded"]) < WITHIN


def test_names_and_types_of_other_versions_of_diffusers_are_read(folder, tmp_path):
    """Old: `text_model.` in front, query and proj_attn; weights in half precision."""
    old = tmp_path / "old"
    shutil.copytree(folder, old)
    text = load_file(folder / "text_encoder" / tiny.FILES["text_encoder"])
    halved = {f"text_model.{k}": v.astype("float16") for k, v in text.items()}
    (old / "text_encoder" / tiny.FILES["text_encoder"]).unlink()
    save_file(halved, old / "text_encoder" / "model.fp16.safetensors")
    assert difference(embedded(old), REFERENCE["embedded"]) < 0.02

    new_to_old = {"to_q": "query", "to_k": "key", "to_v": "value"}
    new_to_old["to_out.0"] = "proj_attn"
    renamed = {}
    for name, tensor in load_file(folder / "vae" / tiny.FILES["vae"]).items():
        for new, before in new_to_old.items():
            name = name.replace(f"attentions.0.{new}.", f"attentions.0.{before}.")
        renamed[name] = tensor
    tiny.write_part(old, "vae", renamed)
    read = DiffusersFolder(old)
    decoder = build_decoder(read.configs["vae"], tiny.IMAGE_SIZE)
    read.fill(decoder, "vae")
    decoded = decoder(tiny.last(INPUTS["latents"]))
    assert difference(decoded, tiny.last(REFERENCE["decoded"])) < WITHIN


@pytest.fixture
def broken(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "broken")
    return tmp_path / "broken"


def rewrite(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    "name",
    [
        "model_index.json",
        "unet/config.json",
        "tokenizer/merges.txt",
        "vae/diffusion_pytorch_model.safetensors",
    ],
)
def test_a_folder_that_lacks_a_file_is_refused(broken, name):
    (broken / name).unlink()
    with pytest.raises(FolderError, match=f"{name}.*bring a folder"):
        DiffusersFolder(broken)


def test_files_of_pickled_weights_are_not_read(broken):
    path = broken / "unet" / tiny.FILES["unet"]
    path.rename(path.with_suffix(".bin"))
    with pytest.raises(FolderError, match="can hold code.*safe_serialization=True"):
        DiffusersFolder(broken)


@pytest.mark.parametrize(
    ("part", "change", "said"),
    [
        ("unet", {"cross_attention_dim": 1024}, "is of Stable Diffusion 2:"),
        ("unet", {"cross_attention_dim": 2048}, "is of Stable Diffusion XL:"),
        ("unet", {"use_linear_projection": True}, "not of Stable Diffusion v1"),
        ("unet", {"in_channels": 9}, "in_channels is 4"),
        ("text_encoder", {"hidden_act": "gelu"}, "hidden_act is 'quick_gelu'"),
        ("text_encoder", {"hidden_size": 64}, "does not fit the text encoder"),
        ("vae", {"latent_channels": 16}, "latent_channels is 4"),
    ],
)
def test_another_version_is_refused(broken, part, change, said):
    rewrite(broken / part / "config.json", **change)
    with pytest.raises(FolderError, match=f"config.json.*{said}.*Received: "):
        DiffusersFolder(broken)


def test_a_network_that_predicts_velocity_is_refused(broken):
    path = broken / "scheduler" / "scheduler_config.json"
    rewrite(path, prediction_type="v_prediction")
    with pytest.raises(FolderError, match="prediction_type is 'epsilon'"):
        DiffusersFolder(broken)


def test_the_index_of_another_version_is_refused(broken):
    rewrite(broken / "model_index.json", _class_name="StableDiffusionXLPipeline")
    with pytest.raises(FolderError, match=r"model_index\.json.*another version"):
        DiffusersFolder(broken)


def test_damaged_weights_are_refused_before_anything_is_built(broken):
    path = broken / "text_encoder" / tiny.FILES["text_encoder"]
    whole = path.read_bytes()
    path.write_bytes(whole[:-1000])
    with pytest.raises(DamagedFileError, match=r"text_encoder/model\.safetensors"):
        DiffusersFolder(broken)
    (size,) = struct.unpack("<Q", whole[:8])
    header = json.loads(whole[8 : 8 + size])
    header[max(header)]["data_offsets"][1] += 10**9
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + whole[8 + size :])
    with pytest.raises(DamagedFileError, match=r"text_encoder/model\.safetensors"):
        DiffusersFolder(broken)


def without(arrays, name):
    return {key: value for key, value in arrays.items() if key != name}


def test_tensors_that_do_not_fit_are_refused(broken):
    name = "encoder.layers.1.mlp.fc1.weight"
    arrays = tiny.tensors("text_encoder")
    tiny.write_part(broken, "text_encoder", without(arrays, name))
    with pytest.raises(FolderError, match=f"lacks 1 of 52 tensors.*{name}"):
        embedded(broken)
    wrong = arrays | {name: arrays[name][:10].copy()}
    tiny.write_part(broken, "text_encoder", wrong)
    with pytest.raises(FolderError, match=rf"{name} must have shape \(192, 48\)"):
        embedded(broken)
    more = arrays | {"encoder.layers.3.mlp.fc1.weight": arrays[name]}
    tiny.write_part(broken, "text_encoder", more)
    with pytest.raises(FolderError, match="has 1 tensors that Stable Diffusion v1 has"):
        embedded(broken)


def test_no_folder_says_which_to_bring(tmp_path):
    with pytest.raises(FolderError, match="there is no folder .*save_pretrained"):
        DiffusersFolder(tmp_path / "none")


def test_half_precision_is_near(folder):
    read = DiffusersFolder(folder)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("bfloat16")
    try:
        encoder = build_text_encoder(read.configs["text_encoder"])
    finally:
        keras.config.set_dtype_policy(before)
    read.fill(encoder, "text_encoder")
    assert {v.dtype for v in encoder.variables} == {"bfloat16"}
    assert difference(encoder(INPUTS["tokens"]), REFERENCE["embedded"]) < 0.15
