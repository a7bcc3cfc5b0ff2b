"""What readers are asked, with the answers they can give."""

from dataclasses import dataclass

from keras_derm.catalog import DIAGNOSES, SKIN_TONE_SCALES
from keras_derm.reader_study.swatches import swatches

ORIGIN_LEVELS = 6
"""Levels of certainty: the lower half says photograph, the upper half synthetic."""

PLAUSIBILITY_LEVELS = 5
CANNOT_SAY = "cannot say"
ORIGIN, PLAUSIBILITY, FAULTS = "origin", "plausibility", "faults"
DIAGNOSIS, TONE, PRESERVATION, LOST = "diagnosis", "tone", "preservation", "lost_signs"
SAME, BOTH = "same", "both"
ORIGINAL_LACKS, PREPARED_LACKS = "original lacks", "prepared lacks"
"""What "first" and "second" mean, once it is known which of two is prepared."""

FAULT_WORDS = {
    "border": "border",
    "colour": "colour",
    "structure": "structure",
    "hair": "hair",
    "tone": "tone of the skin",
    "other": "other",
}
SIGN_WORDS = {
    "border": "border",
    "colour": "colour",
    "network": "pigment network",
    "dots": "dots and globules",
    "vessels": "vessels",
    "other": "other",
}
DIAGNOSIS_WORDS = {
    "MEL": "melanoma",
    "NV": "melanocytic naevus",
    "BCC": "basal cell carcinoma",
    "AK": "actinic keratosis",
    "BKL": "benign keratosis",
    "DF": "dermatofibroma",
    "VASC": "vascular lesion",
    "SCC": "squamous cell carcinoma",
    "INF": "inflammatory or infectious",
    "BEN_OTH": "other, benign",
    "MAL_OTH": "other, malignant",
}


@dataclass(frozen=True)
class Option:
    """One answer.

    Args:
        value: What is written into the file of answers.
        label: What the reader sees.
        swatch: Colour beside it, such as "#d7bd96", or None.

    Example:
        >>> Option("MEL", "melanoma")
    """

    value: str
    label: str
    swatch: str | None = None


@dataclass(frozen=True)
class Question:
    """One question about a picture, or about a pair of pictures.

    Args:
        name: What the file of answers calls it.
        prompt: What the reader sees.
        options: Tuple of `Option`.
        several: Whether any number of options may be chosen, also none.
        ordered: Whether the options have an order.
        when: `(question, values)`: it is asked where an earlier question has one of
            these values. None asks always.

    Example:
        >>> questions_of(("origin",), diagnoses=("MEL", "NV"))[0].name
        'origin'
    """

    name: str
    prompt: str
    options: tuple[Option, ...]
    several: bool = False
    ordered: bool = False
    when: tuple[str, tuple[str, ...]] | None = None

    @property
    def values(self):
        """Values of the options, in their order."""
        return tuple(option.value for option in self.options)

    def to_dict(self):
        """As JSON, for the page and the key."""
        return {
            "name": self.name,
            "prompt": self.prompt,
            "several": self.several,
            "ordered": self.ordered,
            "when": self.when,
            "options": [vars(option) for option in self.options],
        }


def questions_of(parts, diagnoses=(), tone_scale="monk"):
    """The questions of the chosen parts of a study, in the order they are asked.

    Args:
        parts: Names out of "origin", "plausibility", "diagnosis", "tone" and
            "preparation".
        diagnoses: Diagnoses in the study, which can be answered.
        tone_scale: Name of `SKIN_TONE_SCALES`.

    Returns:
        Tuple of `Question`: those about one picture first, then those about a pair.
    """
    makers = {
        "origin": lambda: (_origin(),),
        "plausibility": lambda: (_plausibility(), _faults()),
        "diagnosis": lambda: (_diagnosis(diagnoses),),
        "tone": lambda: (_tone(tone_scale),),
        "preparation": lambda: (_preservation(), _lost_signs()),
    }
    return tuple(
        question
        for part, make in makers.items()
        if part in parts
        for question in make()
    )


def is_of_pairs(name):
    """Whether a question is about a pair of pictures."""
    return name in (PRESERVATION, LOST)


def _numbered(*labels):
    return tuple(Option(str(i), label) for i, label in enumerate(labels, start=1))


def _origin():
    return Question(
        ORIGIN,
        "Photograph or synthetic image?",
        _numbered(
            "surely a photograph",
            "probably a photograph",
            "rather a photograph",
            "rather synthetic",
            "probably synthetic",
            "surely synthetic",
        ),
        ordered=True,
    )


def _plausibility():
    return Question(
        PLAUSIBILITY,
        "How plausible is it as an image of a lesion?",
        _numbered(
            "not at all", "hardly", "in part", "mostly", "fully: nothing is wrong"
        ),
        ordered=True,
    )


def _faults():
    return Question(
        FAULTS,
        "What is wrong? Any number of answers.",
        tuple(Option(*words) for words in FAULT_WORDS.items()),
        several=True,
        when=(PLAUSIBILITY, tuple("1234")),
    )


def _diagnosis(diagnoses):
    named = [
        name for name in DIAGNOSES if name in set(diagnoses) & set(DIAGNOSIS_WORDS)
    ]
    options = [Option(name, DIAGNOSIS_WORDS[name]) for name in named]
    return Question(
        DIAGNOSIS,
        "Which diagnosis is the most likely?",
        (*options, Option(CANNOT_SAY, "I cannot say")),
    )


def _tone(scale):
    colours = swatches(scale)
    title = {"fitzpatrick_pairs": "Fitzpatrick", "milk10k": "MILK10k class"}
    title = title.get(scale, scale.capitalize())
    options = [
        Option(label, f"{title} {label}", colours[label])
        for label in SKIN_TONE_SCALES[scale]
    ]
    return Question(
        TONE,
        "Which tone does the skin around the lesion seem to have?",
        (*options, Option(CANNOT_SAY, "I cannot say")),
        ordered=True,
    )


def _preservation():
    return Question(
        PRESERVATION,
        "Do A and B show the same diagnostic signs?",
        (
            Option(SAME, "A and B show the same signs"),
            Option("first", "A lacks signs that B shows"),
            Option("second", "B lacks signs that A shows"),
            Option(BOTH, "each lacks signs of the other"),
        ),
    )


def _lost_signs():
    return Question(
        LOST,
        "Which signs are lacking? Any number of answers.",
        tuple(Option(*words) for words in SIGN_WORDS.items()),
        several=True,
        when=(PRESERVATION, ("first", "second", BOTH)),
    )
