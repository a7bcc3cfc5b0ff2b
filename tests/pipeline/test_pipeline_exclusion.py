import cv2
import numpy as np
import pytest

from keras_derm.pipeline import exclusion_reasons
from keras_derm.readers import read_data_source


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


@pytest.mark.real_data
def test_ink_is_a_reason_and_blue_lesions_hair_and_bright_skin_are_none(
    part_of_ham10000,
):
    inked = "ISIC_0031263"
    blue_and_hairy = ["ISIC_0029744", "ISIC_0031756", "ISIC_0032182", "ISIC_0032270"]
    folder = part_of_ham10000(lambda ids: [inked, *blue_and_hairy])
    catalog = read_data_source(f"ham10000:{folder}")
    reasons = dict(
        zip(catalog.table["isic_id"], exclusion_reasons(catalog), strict=True)
    )
    assert reasons.pop(inked).startswith("ink: 1")
    assert set(reasons.values()) == {""}
