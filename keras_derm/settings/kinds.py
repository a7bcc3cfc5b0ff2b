"""Types of single settings: ranges of numbers, and names that are known."""

import dataclasses
import math
import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field

Value = TypeVar("Value")


def limited(kind: Any, default: Value) -> Value:
    """Field of settings whose values are of a kind, which says their range.

    The annotation beside it stays a plain type, which is what help shows.

    Args:
        kind: A type with limits, such as `Count`.
        default: The default.

    Example:
        >>> batch_size: int = limited(Count, 32)
    """
    found: Any = dataclasses.field(default=default, metadata={"kind": kind})
    return found


Count = Annotated[int, Field(strict=True, ge=1)]
CountFromZero = Annotated[int, Field(strict=True, ge=0)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
Share = Annotated[float, Field(strict=True, ge=0, le=1)]
Fraction = Annotated[float, Field(strict=True, gt=0, lt=1)]
Momentum = Annotated[float, Field(strict=True, ge=0, lt=1)]
NonNegative = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]


def _in_order(limits: tuple[float, float]) -> tuple[float, float]:
    if not limits[0] <= limits[1]:
        raise ValueError("must give the least value first")
    return limits


Range = Annotated[tuple[NonNegative, NonNegative], AfterValidator(_in_order)]
LogRange = Annotated[tuple[Positive, Positive], AfterValidator(_in_order)]


def _sum_to_one(fractions: tuple[float, float, float]) -> tuple[float, float, float]:
    if not math.isclose(sum(fractions), 1, abs_tol=1e-6):
        raise ValueError(
            "must be three numbers in [0, 1] with sum 1 (train, val, test)"
        )
    return fractions


Fractions = Annotated[tuple[Share, Share, Share], AfterValidator(_sum_to_one)]

Place = Literal["auto", "cpu", "device"]
"""Where image layers compute."""


def _known_place(place: str) -> str:
    if re.fullmatch(r"none|local|auto|(ray://)?[^\s/]+:\d+", place) is None:
        raise ValueError(
            "must be none, local, or the address of a Ray cluster: HOST:PORT, auto or "
            "ray://HOST:PORT"
        )
    return place


ClusterPlace = Annotated[str, AfterValidator(_known_place)]
"""Where work is spread over: nowhere else, this machine, or an address."""

Precision = Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"]
TaskName = Literal[
    "diagnosis8", "melanoma", "melanocytic", "benign_malignant", "diagnosis11"
]
Diagnosis = Literal[
    "MEL",
    "NV",
    "BCC",
    "AK",
    "BKL",
    "DF",
    "VASC",
    "SCC",
    "INF",
    "BEN_OTH",
    "MAL_OTH",
    "UNK",
]
DiagnosisGroup = Literal[
    "melanoma",
    "not_melanoma",
    "melanocytic",
    "not_melanocytic",
    "benign",
    "malignant",
]
"""Classes of the tasks that are several diagnoses, or may be."""
DiagnosisOrGroup = Literal[Diagnosis, DiagnosisGroup]
ToneGroup = Literal["light", "medium", "dark", "unknown"]
ImageType = Literal[
    "dermoscopic",
    "clinical: close-up",
    "clinical: overview",
    "TBP tile: close-up",
    "TBP tile: overview",
    "RCM: macroscopic",
    "RCM: tile",
    "RCM: mosaic",
]
"""What a photograph is of, in the words of the ISIC Archive."""
Preset = Literal[
    "sn_gan_ensemble", "keras_derm", "lora_diffusion", "cwgan_gp", "melanet"
]
OfflineCopies = Literal["melanet_code", "melanet_paper"]
Imbalance = Literal[
    "none", "class_weights", "focal", "balanced_sampling", "logit_adjustment"
]
Backbone = Literal[
    "ResNet50",
    "InceptionResNetV2",
    "InceptionV3",
    "NASNetLarge",
    "VGG16",
    "EfficientNetB0",
    "MobileNetV2",
    "EfficientNetLite0",
    "EfficientNetLite1",
    "EfficientNetLite2",
    "CustomCNN",
    "SmallResNet",
]
QuantizationMode = Literal["int8", "selective", "weight_only", "dynamic", "float16"]
