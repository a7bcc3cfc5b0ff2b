"""Settings of a comparison over runs."""

from dataclasses import dataclass, field

from keras_derm.settings.kinds import Count, ImageType, Seed, TaskName, limited
from keras_derm.settings.settings import SettingsError
from keras_derm.settings.stage import StageSettings


@dataclass(frozen=True)
class CompareSettings(StageSettings, stage="compare"):
    """Compare models on the same real test images: did it help, and for whom?

    Writes compare.json, compare.csv, compare_gaps.csv (gaps between groups of people,
    as evaluate.py does) and figures/compare_*.png, and prints a table and a sentence
    for each arm, which may say no.

    Args:
        runs: Evaluated run directories that differ in their seed, as in
            "[runs/seed0, runs/seed1]": each arm of a run is a seed of that arm.
        predictions: Further arms: name and csv files, one a seed, as in
            --predictions.cyclegan "[a_test.csv, b_test.csv]". A csv has isic_id and
            one probability column per class; what predict.py --output writes and the
            challenges take is read too (image or image_name with an id, file or path;
            AKIEC for AK). Where a_val.csv lies beside each a_test.csv, thresholds are
            fixed on it for 90 and 95 % sensitivity.
        data: Where the truth lies: catalog.csv of a run, or a data source READER:PATH,
            or several of these (--data A --data B). By default the catalog of the
            first of runs. Images of its test split are judged, or all where it has no
            split at all.
        image_types: Which photographs are judged, such as dermoscopic or "clinical:
            close-up". By default those of the catalog, and of a data source those that
            are dermoscopic, or all where none is.
        task: What is told apart, where no runs are given, and so the columns of a csv:
            diagnosis8 (MEL, NV, BCC, AK, BKL, DF, VASC, SCC, those that the data has),
            diagnosis11 (these, INF, BEN_OTH, MAL_OTH), melanoma (not_melanoma,
            melanoma), melanocytic (not_melanocytic, melanocytic) or benign_malignant
            (benign, malignant). Of two columns one is enough.
        class_names: Their name of a class and ours, as in --class_names.nevus NV;
            probabilities of several that mean one are added, as in
            --class_names.MEL malignant --class_names.BCC malignant.
        renormalise: Leave out classes that the data or task does not have, and scale
            the probabilities of the others to the sum 1.
        reference: The arm that the others are compared with.
        n_replicates: Bootstrap replicates; lesions (or patients) are drawn.
        seed: Seed of the bootstrap.
        stratified: Draw as many lesions (or patients) of each diagnosis as there are.

    Example:
        >>> CompareSettings(runs=["runs/seed0", "runs/seed1"])
    """

    runs: tuple[str, ...] = ()
    predictions: dict[str, str | list[str]] = field(default_factory=dict)
    data: str | tuple[str, ...] | None = None
    image_types: tuple[ImageType, ...] | None = None
    task: TaskName = "diagnosis8"
    class_names: dict[str, str] = field(default_factory=dict)
    renormalise: bool = False
    reference: str = "baseline"
    n_replicates: int = limited(Count, 2000)
    seed: int = limited(Seed, 0)
    stratified: bool = False

    def check(self) -> None:
        if not self.runs and not any(self.predictions.values()):
            raise SettingsError(
                "nothing to compare: give --runs or --predictions.NAME. "
                "Received: neither"
            )
        if self.data is None and not self.runs:
            raise SettingsError(
                "say where the truth lies: --data or --runs. Received: neither"
            )
