import os
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data():
    """Folder of real dermoscopy beside the checkout; skips the test without it."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real data absent: no ../shared/data beside the checkout")
    return SHARED_DATA
