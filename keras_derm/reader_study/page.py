"""The page of a study: one HTML file that needs no network."""

import base64

import jinja2

from keras_derm.files import write_text
from keras_derm.reader_study.answers import FORMAT, VERSION
from keras_derm.reader_study.questions import is_of_pairs
from keras_derm.reader_study.series import PREPARED


def write_page(study, pictures, path, title):
    """Write the page of a study.

    It holds pictures, questions and the order of each reader, and nothing of the truth:
    not what is real, not which pictures are checks or repeats.

    Args:
        study: `Study`.
        pictures: Dict from the id of a picture to its JPEG file, all of one length, as
            `encode_alike` gives them.
        path: Where the page shall lie.
        title: Title of the page.

    Raises:
        ValueError: The files differ in length, which would tell them apart.
    """
    lengths = {len(file) for file in pictures.values()}
    if len(lengths) != 1:
        raise ValueError(
            "the files of the pictures must have one length, as `encode_alike` gives. "
            f"Received: lengths {sorted(lengths)}"
        )
    content = {
        "format": FORMAT,
        "version": VERSION,
        "study": study.name,
        "pictures": {
            name: base64.b64encode(pictures[name]).decode() for name in sorted(pictures)
        },
        "questions": [
            {**question, "pair": is_of_pairs(question["name"])}
            for question in study.questions
        ],
        "readers": [
            {
                "code": reader,
                "series": study.checksum(reader),
                "steps": [
                    {
                        "id": step,
                        "pictures": list(study.items[item].pictures),
                        "pair": study.items[item].kind == PREPARED,
                    }
                    for step, item in steps
                ],
            }
            for reader, steps in study.series.items()
        ],
    }
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("keras_derm.reader_study", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    template = environment.get_template("study.html")
    write_text(path, template.render(title=title, content=content))
