"""Settings of the audit."""

from dataclasses import dataclass
from typing import Literal

from keras_derm.settings.kinds import ImageType
from keras_derm.settings.reads_archives import ReadsArchives
from keras_derm.settings.spreads_work import SpreadsWork
from keras_derm.settings.stage import StageSettings


@dataclass(frozen=True)
class AuditSkinToneSettings(
    ReadsArchives, SpreadsWork, StageSettings, stage="audit_skin_tone"
):
    """Read an archive, check every image, and find out whose skin is in it.

    The tone group of a person (light, medium, dark) comes from a label that a person
    gave; else from an estimator whose worth was measured against labels, and only where
    it is sure; else it is unknown. The ITA of a dermoscopic photograph is the colour of
    the photograph, and is counted apart.

    Files that are equal byte for byte are warned of (audit/identical_files.csv).

    Writes catalog.csv; people by diagnosis and tone group, and where these come from
    (audit/tone_by_diagnosis.csv, audit/tone_sources.csv); how good the estimators are
    where there are labels (audit/label_scores.csv); photographs by ITA type
    (audit/colour_by_diagnosis.csv), on what two rules of ITA disagree
    (audit/rule_disagreement.csv), how far a small colour cast moves it
    (audit/cast_sensitivity.csv); figures; and all of it on one page, audit.html.

    Args:
        data: Data source READER:PATH, such as ham10000:/data/HAM10000 or
            phantom:n=2000,seed=7; PATH may be a URL in an object store, such as
            ham10000:s3://bucket/HAM10000 (extra object_store). Several (--data A
            --data B) are joined, their ids kept apart.
        tone_by: Where a tone group comes from where no person labelled: proven, the
            estimators of saved_models whose groups were measured to be right (or those
            of --tone_estimators, whatever they are worth); label, nothing else;
            ita, from the type by ITA, for comparison with the lora_diffusion paper
            alone: of dermoscopy that is the colour of the photograph.
        tone_estimators: Files of estimators, in place of those in saved_models: of
            train_skin_tone.py (.tflite with their .json beside them) or calibrations
            of ITA by validate_skin_tone.py (.json).
        rule: How ITA is measured: quadrant is ours, published that of the
            lora_diffusion paper. Both are measured; this one is used.
        thresholds: Table of ITA limits between the types I to VI.
        skip_bad: Go on without images that cannot be read; they are listed in
            bad_images.csv.
        image_types: Which photographs are taken, in ISIC's words, such as dermoscopic
            or "clinical: close-up"; for several the option is repeated. By default
            those that are dermoscopic, or all where none is. Photographs whose type
            the archive does not know are always taken.

        table_only: Read the tables alone, of an archive whose images are elsewhere,
            and count whose skin they tell of. Nothing builds on such an audit.
        cluster: Where the work is done: none, by the processors of this machine; local,
            by a Ray cluster of this machine alone; or the address of a Ray cluster
            (HOST:PORT, auto, ray://HOST:PORT). Results are the same (extra cluster).

    Example:
        >>> AuditSkinToneSettings(data="phantom:n=200")
    """

    data: str | tuple[str, ...]
    tone_by: Literal["proven", "label", "ita"] = "proven"
    tone_estimators: tuple[str, ...] = ()
    rule: Literal["quadrant", "published"] = "quadrant"
    thresholds: Literal["del_bino", "kinyanjui", "groh"] = "del_bino"
    skip_bad: bool = False
    image_types: tuple[ImageType, ...] | None = None
    table_only: bool = False
