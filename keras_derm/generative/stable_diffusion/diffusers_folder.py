"""A folder of Stable Diffusion v1 as Diffusers writes it: checked, then read."""

import re
from pathlib import Path

from keras_derm.files import read_json, shown
from keras_derm.generative.stable_diffusion.tensor_names import tensor_places
from keras_derm.networks import TensorFile

WAY_OUT = (
    "bring a folder of Stable Diffusion v1 (1.4 or 1.5) in the layout of Diffusers, "
    "with model_index.json, unet, vae, text_encoder and tokenizer, such as "
    "`pipe.save_pretrained(folder)` writes"
)
WEIGHTS = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
}
"""The name of the weights of each part, before `.safetensors`."""

VERSIONS = {
    1024: "Stable Diffusion 2",
    1280: "the refiner of Stable Diffusion XL",
    2048: "Stable Diffusion XL",
    4096: "Stable Diffusion 3",
}
DOWN = ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"]
CONFIGS = {
    "unet": {
        "in_channels": 4,
        "out_channels": 4,
        "down_block_types": DOWN,
        "layers_per_block": 2,
        "use_linear_projection": False,
        "num_attention_heads": None,
        "transformer_layers_per_block": 1,
        "class_embed_type": None,
        "addition_embed_type": None,
    },
    "vae": {
        "latent_channels": 4,
        "layers_per_block": 2,
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "use_quant_conv": True,
        "use_post_quant_conv": True,
    },
    "text_encoder": {"hidden_act": "quick_gelu", "max_position_embeddings": 77},
    "scheduler": {
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "num_train_timesteps": 1000,
        "prediction_type": "epsilon",
    },
}
"""What the configurations of version 1 say, where they say it."""

NEEDED = {
    "unet": ("block_out_channels", "cross_attention_dim", "attention_head_dim"),
    "vae": ("block_out_channels",),
    "text_encoder": (
        *("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads"),
        "max_position_embeddings",
    ),
    "scheduler": (),
}
OLD_ATTENTION = {
    "query": "to_q",
    "key": "to_k",
    "value": "to_v",
    "proj_attn": "to_out.0",
}
SCALING_FACTOR = 0.18215


class FolderError(ValueError):
    """A folder is not of Stable Diffusion v1, or a part of it is missing.

    Example:
        >>> DiffusersFolder("/data/stable-diffusion-2-1")
        FolderError: /data/stable-diffusion-2-1/unet/config.json is of Stable ...
    """


class DiffusersFolder:
    """A user's folder of Stable Diffusion v1.

    Configurations and the headers of all weights are read and checked at once; the
    weights themselves are when a network is filled. Weights may be float32, float16 or
    bfloat16 (`.fp16.safetensors` where there is no other file), and the names of
    tensors old or new.

    Args:
        path: The folder.

    Raises:
        FolderError: Something is missing, or it is another version.
        DamagedFileError: A file is not whole.

    Example:
        >>> folder = DiffusersFolder("/data/stable-diffusion-v1-5")
        >>> unet = build_unet(folder.configs["unet"], image_size=512)
        >>> folder.fill(unet, "unet")
    """

    def __init__(self, path):
        self.path = Path(path)
        if not self.path.is_dir():
            raise FolderError(f"there is no folder {self.path}: {WAY_OUT}")
        index = self._json("model_index.json", ())
        self._check_index(index)
        self.configs = {part: self._config(part) for part in ("unet", "vae")}
        self.configs["text_encoder"] = self._config("text_encoder")
        if (self.path / "scheduler" / "scheduler_config.json").is_file():
            self._config("scheduler", "scheduler_config.json")
        self._check_width()
        self.tokenizer_files = tuple(
            self._file(f"tokenizer/{name}") for name in ("vocab.json", "merges.txt")
        )
        self.weights = {part: self._weights(part) for part in WEIGHTS}

    @property
    def scaling_factor(self):
        """What latents of the autoencoder are multiplied with."""
        return self.configs["vae"].get("scaling_factor", SCALING_FACTOR)

    def fill(self, model, part):
        """Give a network the weights of a part.

        Args:
            model: See `tensor_places`.
            part: "unet", "vae" or "text_encoder".

        Raises:
            FolderError: A tensor is missing, has another shape, or belongs nowhere.
        """
        places = tensor_places(model)
        with self._open(part) as file:
            names = {_new_name(name): name for name in file.shapes}
            self._check_tensors(file, names, places, part, model.name)
            for name, place in places.items():
                place.variable.assign(place.in_keras(file.array(names[name])))

    def _check_tensors(self, file, names, places, part, network):
        missing = sorted(set(places) - set(names))
        if missing:
            raise FolderError(
                f"{file.path} lacks {len(missing)} of {len(places)} tensors of "
                f"{network}: {WAY_OUT}. Missing: {shown(missing[:3])}"
            )
        for name, place in places.items():
            found = file.shapes[names[name]]
            as_convolution = (*place.shape, 1, 1) if place.is_linear else None
            if found not in (place.shape, as_convolution):
                raise FolderError(
                    f"{file.path}: {names[name]} must have shape {place.shape} by "
                    f"{part}/config.json: {WAY_OUT}. Received: shape {found}"
                )
        sides = {name.split(".")[0] for name in places}
        foreign = sorted(
            name
            for name in set(names) - set(places)
            if (part != "vae" or name.split(".")[0] in sides)
            and not name.endswith("position_ids")
        )
        if foreign:
            raise FolderError(
                f"{file.path} has {len(foreign)} tensors that Stable Diffusion v1 has "
                f"not: {WAY_OUT}. Received: {shown(foreign[:3])}"
            )

    def _json(self, name, needed):
        return read_json(self._file(name), needed, WAY_OUT)

    def _file(self, name):
        path = self.path / name
        if not path.is_file():
            raise FolderError(f"there is no file {path}: {WAY_OUT}")
        return path

    def _check_index(self, index):
        kind = index.get("_class_name", "")
        if "XL" in kind or "StableDiffusion3" in kind or "text_encoder_2" in index:
            raise FolderError(
                f"{self.path / 'model_index.json'} is of another version of Stable "
                f"Diffusion: {WAY_OUT}. Received: {kind}"
            )

    def _config(self, part, name="config.json"):
        path = f"{part}/{name}"
        config = self._json(path, NEEDED[part])
        for key, expected in CONFIGS[part].items():
            found = config.get(key, expected)
            if found != expected:
                raise FolderError(
                    f"{self.path / path} is not of Stable Diffusion v1, where {key} is "
                    f"{expected!r}: {WAY_OUT}. Received: {shown(found)}"
                )
        return config

    def _check_width(self):
        """The width of the words is what tells the versions apart."""
        width = self.configs["unet"]["cross_attention_dim"]
        words = self.configs["text_encoder"]["hidden_size"]
        path = self.path / "unet" / "config.json"
        if width in VERSIONS:
            raise FolderError(
                f"{path} is of {VERSIONS[width]}: {WAY_OUT}. "
                f"Received: cross_attention_dim={width}, 768 in version 1"
            )
        if width != words or not isinstance(
            self.configs["unet"]["attention_head_dim"], int
        ):
            raise FolderError(
                f"{path} does not fit the text encoder of width {words}: {WAY_OUT}. "
                f"Received: cross_attention_dim={width}, attention_head_dim="
                f"{shown(self.configs['unet']['attention_head_dim'])}"
            )

    def _weights(self, part):
        """Path of the weights of a part, whose header is whole."""
        name = WEIGHTS[part]
        for variant in ("", ".fp16"):
            path = self.path / part / f"{name}{variant}.safetensors"
            if path.is_file():
                TensorFile(path).__exit__()
                return path
        others = sorted(path.name for path in (self.path / part).glob("*.bin"))
        said = (
            "PyTorch's own files are not read, as they can hold code: load the folder "
            "with Diffusers and save it with safe_serialization=True"
            if others
            else WAY_OUT
        )
        raise FolderError(
            f"there is no file {self.path / part / name}.safetensors: {said}. "
            f"Received: {others}"
        )

    def _open(self, part):
        return TensorFile(self.weights[part])


def _new_name(name):
    """Name of a tensor as Diffusers writes it today."""
    name = name.removeprefix("text_model.")
    old = re.fullmatch(
        r"(.*\.attentions\.\d)\.(query|key|value|proj_attn)\.(\w+)", name
    )
    return f"{old[1]}.{OLD_ATTENTION[old[2]]}.{old[3]}" if old else name
