import os
import shutil
import threading
import zlib
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import keras_derm  # noqa: F401  (before TensorFlow is loaded, as in the apps)

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# `make test` has a process for each of two processors: more threads would only wait for
# one another, and spin as they wait.
for threads in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


LONG = ("test_saved_models.py", "jobs", "generative", "training", "export")
"""Where the files lie that take longest."""


def pytest_collection_modifyitems(items):
    """Long files first, so that no process is left with one at the end."""
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] not in LONG)


@pytest.fixture(scope="session")
def shared_data():
    """Folder of real dermoscopy beside the checkout; skips the test without it."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real data absent: no ../shared/data beside the checkout")
    return SHARED_DATA


@dataclass
class Bucket:
    """A bucket of a store, and the file system that it is filled by."""

    url: str
    files: Any

    def put(self, folder):
        """Copy a folder into the bucket, and return its URL there."""
        self.files.put(f"{folder}/", f"{self.url}/{folder.name}/", recursive=True)
        return f"{self.url}/{folder.name}"


@pytest.fixture(scope="module")
def bucket():
    """`Bucket` of a server in this process that speaks as S3 does."""
    server = pytest.importorskip("moto.server", reason="no moto here")
    s3fs = pytest.importorskip("s3fs", reason="no s3fs here")
    server = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        asked_at(patch, f"http://{host}:{port}")
        # What is stored stays in the process, for the next module, too.
        urlopen(Request(f"http://{host}:{port}/moto-api/reset", method="POST")).close()
        files = s3fs.S3FileSystem()
        files.mkdir("clinic")
        yield Bucket("s3://clinic", files)
    server.stop()
    s3fs.S3FileSystem.clear_instance_cache()


def asked_at(patch, address):
    """Have S3 asked at an address, with credentials that are nobody's."""
    import s3fs

    patch.setenv("AWS_ENDPOINT_URL_S3", address)
    patch.setenv("AWS_CONFIG_FILE", os.devnull)
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        patch.setenv(name, "of-the-test")
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def refusing_store(monkeypatch):
    """Have S3 asked at a server that refuses everything."""
    s3fs = pytest.importorskip("s3fs", reason="no s3fs here")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    asked_at(monkeypatch, f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    s3fs.S3FileSystem.clear_instance_cache()


class Refusing(BaseHTTPRequestHandler):
    """Says of every object that access is denied, as S3 says it."""

    def do_GET(self):
        body = (
            b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        )
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_PUT = do_GET

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def part_of_ham10000(shared_data, tmp_path):
    """Lay out some photographs as HAM10000 is: a reader decodes all that is there."""
    whole = shared_data / "ham10000"
    files = (
        "HAM10000_images/{}.jpg",
        "HAM10000_segmentations_lesion/{}_segmentation.png",
    )

    def lay_out(choose):
        """Folder of the photographs that `choose` takes of the ids, in their order."""
        table = pd.read_csv(whole / "HAM10000_metadata.csv")
        chosen = choose(table["image_id"])
        folder = tmp_path / "ham10000"
        for file in files:
            (folder / file).parent.mkdir(parents=True)
            for name in chosen:
                shutil.copy(whole / file.format(name), folder / file.format(name))
        part = table[table["image_id"].isin(chosen)]
        part.to_csv(folder / "HAM10000_metadata.csv", index=False)
        return folder

    return lay_out


@pytest.fixture
def write_image():
    """Write a small photograph-like image, by default another for each file name."""

    def write(path, size=(24, 18), seed=None):
        path.parent.mkdir(parents=True, exist_ok=True)
        seed = zlib.crc32(path.name.encode()) if seed is None else seed
        noise = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3))
        Image.fromarray(noise.astype(np.uint8)).save(path)
        return path

    return write
