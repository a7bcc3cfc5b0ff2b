import os
import subprocess
import sys

import pytest

SHOW = """
import keras_derm
from tensorflow.python.framework import test_util
print(test_util.IsMklEnabled())
"""


@pytest.mark.parametrize("chosen, shown", [(None, "True"), ("0", "False")])
def test_tensorflow_has_the_kernels_of_onednn_unless_told_otherwise(chosen, shown):
    environment = os.environ | {"TF_ENABLE_ONEDNN_OPTS": chosen or ""}
    if chosen is None:
        del environment["TF_ENABLE_ONEDNN_OPTS"]
    done = subprocess.run(
        [sys.executable, "-c", SHOW],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == shown
