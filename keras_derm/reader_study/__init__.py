"""Blinded reader studies: would a dermatologist believe it?

Which pictures each reader sees, the page that shows them, the files of answers, and
what these say. The truth lies in a key beside the page, and never in it.
"""

from keras_derm.reader_study.answers import (
    AnswersError,
    answers_file,
    read_answers,
    signature,
)
from keras_derm.reader_study.labels import labelled_catalog
from keras_derm.reader_study.page import write_page
from keras_derm.reader_study.pictures import encode_alike, instruction
from keras_derm.reader_study.plan import half_width, plan_table
from keras_derm.reader_study.questions import Option, Question, questions_of
from keras_derm.reader_study.scores import (
    beside_screening,
    score,
    score_agreement,
    score_readers,
)
from keras_derm.reader_study.series import (
    CHECK,
    KEPT,
    PREPARED,
    REAL,
    SCREENED_OUT,
    Item,
    Study,
    draw_balanced,
    draw_pairs,
    make_study,
)
from keras_derm.reader_study.simulated_readers import SimulatedReaders
from keras_derm.reader_study.swatches import swatches

__all__ = [
    "AnswersError",
    "CHECK",
    "Item",
    "KEPT",
    "Option",
    "PREPARED",
    "Question",
    "REAL",
    "SCREENED_OUT",
    "SimulatedReaders",
    "Study",
    "answers_file",
    "beside_screening",
    "draw_balanced",
    "draw_pairs",
    "encode_alike",
    "half_width",
    "instruction",
    "labelled_catalog",
    "make_study",
    "plan_table",
    "questions_of",
    "read_answers",
    "score",
    "score_agreement",
    "score_readers",
    "signature",
    "swatches",
    "write_page",
]
