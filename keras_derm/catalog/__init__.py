"""What images there are, what is known of each, and who may see it."""

from keras_derm.catalog.catalog import (
    CLINICAL_TYPES,
    DIAGNOSES,
    DIAGNOSES8,
    DIAGNOSES11,
    IMAGE_TYPES,
    Catalog,
)
from keras_derm.catalog.duplicates import copy_groups, identical_files
from keras_derm.catalog.faults import CatalogError
from keras_derm.catalog.image_types import lesion_pairs, of_types
from keras_derm.catalog.images import check_images
from keras_derm.catalog.join import join_catalogs
from keras_derm.catalog.lesions import CLOSE_UP, DERMOSCOPIC, PAIR, Lesions
from keras_derm.catalog.skin_tone_scales import (
    FITZPATRICK_TYPES,
    SKIN_TONE_SCALES,
    TONE_GROUPS,
    darkness,
    tone_group_of_label,
)
from keras_derm.catalog.splits import (
    apply_split_file,
    count_seen_in_training,
    find_leaks,
    group_ids,
    keep_test_set,
    split_catalog,
)
from keras_derm.catalog.tasks import TASKS, Task, get_task, of_diagnosis
from keras_derm.photographs import ImageError, read_image, read_mask

__all__ = [
    "CLINICAL_TYPES",
    "CLOSE_UP",
    "DERMOSCOPIC",
    "DIAGNOSES",
    "DIAGNOSES8",
    "DIAGNOSES11",
    "FITZPATRICK_TYPES",
    "IMAGE_TYPES",
    "PAIR",
    "SKIN_TONE_SCALES",
    "TASKS",
    "TONE_GROUPS",
    "Catalog",
    "CatalogError",
    "ImageError",
    "Lesions",
    "Task",
    "apply_split_file",
    "check_images",
    "copy_groups",
    "count_seen_in_training",
    "darkness",
    "find_leaks",
    "get_task",
    "group_ids",
    "identical_files",
    "join_catalogs",
    "keep_test_set",
    "lesion_pairs",
    "of_diagnosis",
    "of_types",
    "read_image",
    "read_mask",
    "split_catalog",
    "tone_group_of_label",
]
