import numpy as np
import pytest

from keras_derm.pipeline import PreparedImages, write_copies

N_COPIES = 3


def prepared():
    """Images that no flip or turn makes alike: each of one grey value of its own."""
    values = np.arange(100, 200, dtype=np.uint8)
    images = np.broadcast_to(values[:, None, None, None], (100, 16, 16, 3))
    return PreparedImages([f"i{k}" for k in range(100)], [np.array(images)])


def test_copies_of_an_image_follow_each_other_and_carry_its_name(tmp_path):
    chosen = np.arange(99, 9, -1)  # more than are made at a time
    copies = write_copies(prepared(), chosen, tmp_path / "copies", N_COPIES, seed=1)
    assert len(copies) == 90 * N_COPIES
    assert copies.ids[:4].tolist() == [
        "i99_copy0",
        "i99_copy1",
        "i99_copy2",
        "i98_copy0",
    ]
    centre = copies.take(np.arange(len(copies)))[:, 8, 8, 0]
    np.testing.assert_array_equal(centre, 100 + chosen.repeat(N_COPIES))


def test_copies_differ_from_each_other_and_are_made_once(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (2, 16, 16, 3), "uint8")
    original = PreparedImages(["a", "b"], [noise])
    made = write_copies(original, [0, 1], tmp_path / "copies", N_COPIES, seed=1)
    images = made.take(np.arange(6))
    assert len(np.unique(images.reshape(6, -1), axis=0)) == 6
    written = (tmp_path / "copies/images.npy").stat().st_mtime_ns
    write_copies(original, [0, 1], tmp_path / "copies", N_COPIES, seed=1)
    assert (tmp_path / "copies/images.npy").stat().st_mtime_ns == written
    with pytest.raises(ValueError, match="Received: 0"):
        write_copies(original, [0], tmp_path / "none", 0)
