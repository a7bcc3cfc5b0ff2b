"""Arrays by name in a file of `torch.save`, read without running its code."""

import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_derm.files import DamagedFileError, shown

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
STORAGES = {
    "FloatStorage": np.dtype("<f4"),
    "LongStorage": np.dtype("<i8"),
}
FAULTS = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What unpickling raises of bytes that are no pickle, or none that we take."""


def read_torch_file(path, way_out="copy or download it again"):
    """Read the tensors of a state dictionary as `torch.save` wrote it before 1.6.

    Such a file is a pickle, which can have a program run as it is read. Of the names in
    it four are known here, those of an ordered dictionary, of a tensor and of the
    storages of float32 and int64; any other is refused before anything is called.

    Args:
        path: The file.
        way_out: What the user can do where it cannot be read.

    Returns:
        Dictionary of names to NumPy arrays, float32 or int64, not writeable.

    Raises:
        FileNotFoundError: There is none.
        DamagedFileError: It is cut off, no such file, or holds something else than
            tensors, code that is to be run among it.

    Reference:
        `_legacy_save` in torch/serialization.py.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}: {way_out}")
    try:
        with path.open("rb") as file:
            return _arrays(file)
    except FAULTS as error:
        raise DamagedFileError(
            f"{path} is damaged or no file of tensors as PyTorch wrote it before 1.6: "
            f"{way_out}. Received: {shown(str(error))}"
        ) from error


class _Tensor(NamedTuple):
    """What the pickle says of a tensor: where in which storage its numbers lie."""

    storage: str
    offset: int
    shape: tuple
    strides: tuple
    requires_grad: bool = False
    hooks: object = None


class _Unpickler(pickle.Unpickler):
    """Unpickler that knows tensors and dictionaries of them.

    Attributes:
        storages: Type and number of elements of each storage that tensors name.
    """

    def __init__(self, file):
        super().__init__(file)
        self.storages = {}

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise pickle.UnpicklingError(
            f"{module}.{name}, which is no part of a dictionary of tensors"
        )

    def persistent_load(self, pid):
        kind, dtype, key, _, n_elements, view = pid
        if kind != "storage" or view is not None or not isinstance(dtype, np.dtype):
            raise pickle.UnpicklingError(f"no storage of tensors: {shown(pid)}")
        self.storages[key] = dtype, n_elements
        return key


def _arrays(file):
    if _Unpickler(file).load() != MAGIC or _Unpickler(file).load() != PROTOCOL:
        raise ValueError("another beginning than such a file has")
    if not _Unpickler(file).load()["little_endian"]:
        raise ValueError("numbers whose first byte is the greatest")
    unpickler = _Unpickler(file)
    tensors = unpickler.load()
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not isinstance(tensor, _Tensor):
            raise ValueError(f"no tensor by its name: {shown((name, tensor))}")
    keys, named = _Unpickler(file).load(), unpickler.storages
    if sorted(keys) != sorted(named):
        raise ValueError(
            f"storages {shown(keys)}, where tensors name {shown([*named])}"
        )
    stored = {key: _stored(file, key, *named[key]) for key in keys}
    return {name: _array(name, tensor, stored) for name, tensor in tensors.items()}


def _stored(file, key, dtype, n_elements):
    """Numbers of the storage that comes next in the file."""
    n_told = int.from_bytes(file.read(8), "little")
    n_left = os.fstat(file.fileno()).st_size - file.tell()
    if n_told != n_elements or n_elements * dtype.itemsize > n_left:
        raise ValueError(
            f"{n_elements} numbers of storage {key} are told of, {n_told} are said to "
            f"follow, and {n_left // dtype.itemsize} can"
        )
    return np.frombuffer(file.read(n_elements * dtype.itemsize), dtype)


def _array(name, tensor, stored):
    """The tensor as a view of its storage, which it must not leave."""
    numbers, shape, strides = stored[tensor.storage], tensor.shape, tensor.strides
    last = sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    fits = 0 <= tensor.offset <= tensor.offset + last < len(numbers)
    if min((1, *shape)) < 1 or min((0, *strides)) < 0 or not fits:
        raise ValueError(
            f"{name} of shape {shape}, strides {strides} from {tensor.offset} on in a "
            f"storage of {len(numbers)} numbers"
        )
    size = numbers.itemsize
    return np.lib.stride_tricks.as_strided(
        numbers[tensor.offset :],
        shape,
        [size * stride for stride in strides],
        writeable=False,
    )
