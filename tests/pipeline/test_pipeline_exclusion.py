import cv2
import numpy as np

from keras_derm.data_source import read_data_source
from keras_derm.pipeline import exclusion_reasons


def test_covered_images_have_a_reason_and_others_none(tmp_path):
    (tmp_path / "NV").mkdir()
    skin = np.full((60, 80, 3), (150, 168, 214), "uint8")
    covered = skin.copy()
    covered[:, :50] = 0
    cv2.imwrite(str(tmp_path / "NV/a.png"), skin)
    cv2.imwrite(str(tmp_path / "NV/b.png"), covered)
    catalog = read_data_source(f"folder:{tmp_path}")
    reasons = exclusion_reasons(catalog)
    by_name = dict(zip(catalog.table["isic_id"], reasons, strict=True))
    kept, left_out = (by_name[name] for name in sorted(by_name))
    assert kept == ""
    assert left_out.startswith("dark corners: 6")
