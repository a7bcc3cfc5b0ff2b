"""The model card beside an exported ensemble."""

from keras_derm.catalog import count_seen_in_training
from keras_derm.evaluation import describe_tone_sources, photograph_colour
from keras_derm.report import export_tables
from keras_derm.report.model_card import write_model_card

METHODS = {
    "qat": "quantisation-aware training",
    "pruning": "pruning",
    "clustering": "clustering of the weights",
}
FACTORS = (
    "Tone of the person's skin (light, medium, dark), where somebody labelled it or a "
    "named estimator told it; diagnosis; camera and light, of which the colour of the "
    "photograph (ITA) tells something. ITA of dermoscopy is no person's skin tone."
)
USE = (
    "Research on how well and how evenly dermoscopic photographs can be classified. "
    "Photographs without a lesion, not taken by dermoscopy, or of diagnoses that it "
    "does not know are given one of its classes all the same."
)
CAVEATS = (
    "What holds on these test images need not hold for other clinics, cameras or skin "
    "tones that the archive lacks. Of a group that is too small to judge nothing has "
    "been shown, neither good nor bad. The intervals cover the choice of test images, "
    "not the chance of training."
)


def write_export_card(path, catalog, archive, cost, described, model):
    """Write the model card of an exported ensemble.

    Args:
        path: The .md to write.
        catalog: `Catalog` of the run's photographs that the task covers.
        archive: Name of the archive that they are of.
        cost: Content of cost.json.
        described: Content of the ensemble.json of the arm.
        model: `Path` of the exported .tflite or folder.
    """
    table = catalog.table
    test = table[table["split"] == "test"]
    licences = table["copyright_license"].dropna().unique()
    write_model_card(
        path,
        model.name,
        model_details=[
            {
                "Input": f"RGB in [0, 255], {described['image_size'][0]} by "
                f"{described['image_size'][1]} pixels, prepared by the preset "
                f"{described['preset']}; each member resizes for itself",
                "Output, in this order": ", ".join(described["classes"]),
                "Form": f"{cost['form']}, {cost['mode']}",
                "Licence": _licence(licences),
                **_fine_tuning(cost["fine_tuning"]),
            },
            export_tables.members_table(cost),
        ],
        intended_use=USE,
        factors=FACTORS,
        metrics=export_tables.COST_NOTE,
        evaluation_data=f"{len(test):,} real photographs of {archive}, "
        f"{_seen_in_training(catalog)} of a lesion or patient that was trained on: "
        f"{_counts(test)}. {describe_tone_sources(test)}",
        training_data=[
            f"{described['n_real']:,} real photographs of {archive}, "
            f"{described['n_synthetic']:,} synthetic ones and "
            f"{described['n_copies']:,} altered copies of real ones.",
            f"Licence of the images: {', '.join(licences) or 'not stated'}.",
        ],
        quantitative_analyses=[
            export_tables.speed_table(cost),
            export_tables.GATE_NOTE,
            export_tables.gate_table(cost),
            "What quantisation cost, on all test images and in each group that can be "
            "judged:",
            export_tables.cost_table(cost),
            "How often both name the same class, and why a group cannot be judged:",
            export_tables.agreement_table(cost),
        ],
        ethical_considerations="Who is rare in the archive is judged from few images, "
        f"or not at all. {describe_tone_sources(table)} Colour of all photographs: "
        f"{_counts(table)}.",
        caveats_and_recommendations=CAVEATS,
    )


def _fine_tuning(settings):
    """How the members learned once more for their quantised form."""
    if settings is None:
        return {}
    method = settings["method"]
    extent = {
        "pruning": f", {settings['sparsity']:.0%} of each kernel zero",
        "clustering": f", {settings['n_clusters']} values a kernel",
    }.get(method, "")
    aim = "the float members' own probabilities" if settings["imitate"] else "diagnoses"
    return {
        "Fine-tuned": f"{METHODS[method]}{extent}: {settings['n_steps']:,} steps of "
        f"{settings['batch_size']} real training images towards {aim}, learning rate "
        f"{settings['learning_rate']:g}"
    }


def _licence(licences):
    """What the licences of the training images allow."""
    if len(licences) == 0:
        return "not known: the archive does not state that of the training images"
    restricted = any("NC" in licence for licence in licences)
    use = "research and non-commercial use alone" if restricted else "as these allow"
    return f"{use}; the training images are under {', '.join(licences)}"


def _seen_in_training(catalog):
    """How many test photographs are of a lesion or patient that was trained on."""
    n = count_seen_in_training(catalog)
    return f"{n:,} of them" if n else "none"


def _counts(table):
    """How many photographs are of each colour."""
    counts = photograph_colour(table["ita"], table["ita_type"]).value_counts()
    return ", ".join(f"{n:,} of {colour}" for colour, n in counts.items() if n)
