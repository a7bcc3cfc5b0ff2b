"""Arrays by name in a safetensors file, and what may be wrong with such a file."""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from keras_derm.files import DamagedFileError, atomic_path, shown

TEXTS = "keras_derm"


class TensorFile:
    """A safetensors file that is read one array at a time.

    The header is checked when it is opened: a file that ends too early, or whose header
    names places outside of the file, is refused before an array is read.

    Args:
        path: The file.
        way_out: What the user can do where it is damaged.

    Raises:
        FileNotFoundError: There is none.
        DamagedFileError: It is no whole safetensors file.

    Example:
        >>> with TensorFile("unet/model.safetensors", "download it again") as file:
        ...     kernel = file.array("conv_in.weight")
    """

    def __init__(self, path, way_out="copy or download it again"):
        self.path = Path(path)
        self.way_out = way_out
        if not self.path.is_file():
            raise FileNotFoundError(f"there is no file {self.path}: {way_out}")
        try:
            self._file = safe_open(self.path, framework="np")
        except (SafetensorError, OSError) as error:
            raise self.damaged(str(error)) from error
        self.shapes = {
            name: tuple(self._file.get_slice(name).get_shape())
            for name in self._file.keys()  # noqa: SIM118, it is no mapping
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.__exit__(None, None, None)

    def array(self, name):
        """The array of a name, of the type that it was written in.

        Raises:
            DamagedFileError: The file has no such array, or of a type that NumPy lacks.
        """
        if name not in self.shapes:
            raise self.damaged(f"no tensor {name!r}")
        try:
            return self._file.get_tensor(name)
        except (SafetensorError, TypeError, KeyError) as error:
            raise self.damaged(f"{name}: {error}") from error

    @property
    def metadata(self):
        """Texts of the header by name, a dictionary."""
        return self._file.metadata() or {}

    def texts(self):
        """What `write_tensors` was given as `texts`, a dictionary.

        Raises:
            DamagedFileError: There is none.
        """
        try:
            return json.loads(self.metadata[TEXTS])
        except (TypeError, KeyError, ValueError) as error:
            raise self.damaged("no description by keras_derm in its header") from error

    def damaged(self, found):
        """`DamagedFileError` of this file, to be raised."""
        return DamagedFileError(
            f"{self.path} is damaged or another kind of file: {self.way_out}. "
            f"Received: {shown(found)}"
        )


def write_tensors(path, arrays, texts=None):
    """Write arrays as a safetensors file, whole or not at all.

    Args:
        path: The file.
        arrays: NumPy arrays by name.
        texts: What else to keep, as JSON in the header: a dictionary, or None.
    """
    metadata = {"format": "np"} | ({} if texts is None else {TEXTS: json.dumps(texts)})
    with atomic_path(path) as temporary:
        save_file({k: v.copy() for k, v in arrays.items()}, temporary, metadata)
