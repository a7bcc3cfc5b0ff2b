import io
import os
import pickle
import sys
import types

import numpy as np
import pytest

from keras_derm.files import DamagedFileError
from keras_derm.networks import read_torch_file
from keras_derm.networks.torch_files import MAGIC, PROTOCOL

SYSTEM = {"protocol_version": PROTOCOL, "little_endian": True, "type_sizes": {}}
NUMBERS = np.arange(24, dtype="<f4")


@pytest.fixture(autouse=True)
def torch(monkeypatch):
    """PyTorch's names that stand in its files; the package is not needed here."""
    package, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def _rebuild_tensor_v2(*_):
        raise AssertionError("is called by PyTorch alone")

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    package._utils = utils
    for name in ("FloatStorage", "LongStorage", "HalfStorage"):
        setattr(package, name, type(name, (), {"__module__": "torch"}))
    monkeypatch.setitem(sys.modules, "torch", package)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return package


class Storage:
    """Stands for a storage of PyTorch in what is pickled."""

    def __init__(self, kind, key, n):
        self.pid = ("storage", kind, key, "cpu", n, None)


class Call:
    """Is unpickled as a call of a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Pickler(pickle.Pickler):
    def persistent_id(self, thing):
        return thing.pid if isinstance(thing, Storage) else None


def written(path, content, *storages):
    """Write a file as `torch.save` did, storages by key behind what was pickled."""
    with path.open("wb") as file:
        for part in (MAGIC, PROTOCOL, SYSTEM):
            pickle.dump(part, file, protocol=2)
        buffer = io.BytesIO()
        Pickler(buffer, protocol=2).dump(content)
        file.write(buffer.getvalue())
        pickle.dump([key for key, _ in storages], file, protocol=2)
        for _, numbers in storages:
            file.write(len(numbers).to_bytes(8, "little") + numbers.tobytes())
    return path


def tensor(torch, shape, strides, offset=0, storage=None):
    storage = storage or Storage(torch.FloatStorage, "0", len(NUMBERS))
    rebuild = torch._utils._rebuild_tensor_v2
    return Call(rebuild, storage, offset, shape, strides, False, None)


def test_tensors_are_views_of_their_storage_by_offset_and_strides(torch, tmp_path):
    steps = Storage(torch.LongStorage, "1", 1)
    content = {
        "whole": tensor(torch, (2, 3, 4), (12, 4, 1)),
        "transposed": tensor(torch, (4, 3), (1, 4), offset=12),
        "steps": tensor(torch, (), (), storage=steps),
    }
    storages = ("0", NUMBERS), ("1", np.array([7], "<i8"))
    found = read_torch_file(written(tmp_path / "net.pth", content, *storages))
    assert list(found) == ["whole", "transposed", "steps"]
    np.testing.assert_array_equal(found["whole"], NUMBERS.reshape(2, 3, 4))
    np.testing.assert_array_equal(found["transposed"], NUMBERS[12:].reshape(3, 4).T)
    assert found["steps"].shape == () and found["steps"] == 7
    assert found["whole"].dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        found["whole"][0] = 0


@pytest.mark.parametrize(
    "function, code",
    [(os.system, "touch '{}'"), (eval, "open('{}', 'w')"), (__import__, "{}")],
)
def test_no_code_of_a_file_is_run(function, code, torch, tmp_path):
    marker, path = tmp_path / "was_run", tmp_path / "net.pth"
    call = Call(function, code.format(marker))
    for content in (call, {"a": tensor(torch, (1,), (1,)), "b": call}, {"a": [call]}):
        written(path, content, ("0", NUMBERS))
        with pytest.raises(DamagedFileError, match="no part of a dictionary of tens"):
            read_torch_file(path)
    assert not marker.exists()


def test_other_names_are_refused_in_the_first_pickle_too(tmp_path):
    path = tmp_path / "net.pth"
    path.write_bytes(b"cbuiltins\nexec\n(S'raise SystemExit'\ntR.")
    with pytest.raises(DamagedFileError, match=r"Received: 'builtins.exec"):
        read_torch_file(path)
    path.write_bytes(b"ctorch.nn\nLinear\n.")
    with pytest.raises(DamagedFileError, match=r"Received: 'torch.nn.Linear"):
        read_torch_file(path)


@pytest.mark.parametrize(
    "shape, strides, offset",
    [
        ((5, 5), (5, 1), 0),
        ((24,), (1,), 1),
        ((2,), (1,), -1),
        ((2,), (-1,), 4),
        ((-2,), (1,), 4),
        ((2, 2), (1,), 0),
        ((2.0,), (1,), 0),
        ((2**40,), (2**40,), 0),
    ],
)
def test_tensors_outside_of_their_storage_are_refused(
    shape, strides, offset, torch, tmp_path
):
    content = {"a": tensor(torch, shape, strides, offset)}
    path = written(tmp_path / "net.pth", content, ("0", NUMBERS))
    with pytest.raises(DamagedFileError, match="no file of tensors as PyTorch wrote"):
        read_torch_file(path)


def test_what_is_no_dictionary_of_tensors_is_told(torch, tmp_path):
    path, stored = tmp_path / "net.pth", ("0", NUMBERS)
    half = Storage(torch.HalfStorage, "0", 24)
    for content, told in (
        ({"a": 1}, r"\('a', 1\)"),
        ({1: tensor(torch, (1,), (1,))}, r"no tensor by its name: \(1,"),
        ([1], "no attribute 'items'"),
        ({"a": tensor(torch, (1,), (1,), storage=half)}, "torch.HalfStorage"),
    ):
        with pytest.raises(DamagedFileError, match=told):
            read_torch_file(written(path, content, stored))
    with pytest.raises(
        DamagedFileError, match="24 numbers of storage 0 are told of, 9"
    ):
        read_torch_file(
            written(path, {"a": tensor(torch, (1,), (1,))}, ("0", NUMBERS[:9]))
        )


def test_files_cut_off_anywhere_or_of_another_kind_are_refused(torch, tmp_path):
    content = {"a": tensor(torch, (24,), (1,))}
    whole = written(tmp_path / "net.pth", content, ("0", NUMBERS)).read_bytes()
    path = tmp_path / "cut.pth"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedFileError, match="get it again. Received:"):
            read_torch_file(path, "get it again")
    for other in (b"PK\x03\x04 as PyTorch writes since 1.6", pickle.dumps({"a": 1})):
        path.write_bytes(other)
        with pytest.raises(DamagedFileError, match="before 1.6"):
            read_torch_file(path)
    with pytest.raises(FileNotFoundError, match=r"no file .*absent.pth: get it again"):
        read_torch_file(tmp_path / "absent.pth", "get it again")
