"""The embedded data set, rendered the first time that it is read."""

from keras_derm import phantom


def read(path, skip_bad=False):
    """Read a phantom: `path` are its options, such as "n=2000,seed=7,size=256".

    See `keras_derm.phantom.read`. `skip_bad` changes nothing: no image of it is bad.
    """
    return phantom.read(path)
