"""Options of the apps, from the command line to settings."""

from dataclasses import dataclass

import pytest

from keras_derm.jobs.options import (
    flags,
    gathered,
    in_brackets,
    lists_of_numbers,
    lists_of_words,
    named_generator,
    read_options,
    spelled_out,
)
from keras_derm.jobs.run_recipe import run_recipe
from keras_derm.settings import (
    STAGES,
    AuditSkinToneSettings,
    CellSettings,
    CompareSettings,
    CycleGANSettings,
    ExportTfliteSettings,
    FineTuningSettings,
    MemberSettings,
    OptimizationSettings,
    PrepareDatasetSettings,
    Settings,
    SettingsError,
    SNGANSettings,
    SynthesizeSettings,
    TrainClassifierSettings,
    TrainGeneratorSettings,
    TuneSettings,
)
from keras_derm.settings.kinds import Count, limited


def job(
    run: str, skip_bad: bool = False, average: bool | None = None, image_size: int = 224
):
    """A job.

    Args:
        run: Directory.
        skip_bad: Whether.
        average: Whether.
        image_size: Pixels.
    """


@dataclass(frozen=True)
class JobSettings(Settings):
    """Settings of a job.

    Args:
        skip_bad: Whether.
        average: Whether.
        image_size: Pixels.
    """

    skip_bad: bool = False
    average: bool | None = None
    image_size: int = limited(Count, 224)


@pytest.mark.parametrize("options", [job, JobSettings])
@pytest.mark.parametrize(
    "given, expected",
    [
        (["--skip-bad"], ["--skip_bad=true"]),
        (["--skip_bad"], ["--skip_bad=true"]),
        (["--average"], ["--average=true"]),
        (["--skip-bad", "false"], ["--skip_bad", "false"]),
        (["--skip-bad=false"], ["--skip_bad=false"]),
        (["--skip-bad", "--run", "a-b"], ["--skip_bad=true", "--run", "a-b"]),
        (["--image-size", "96"], ["--image_size", "96"]),
        (["--run", "a-b"], ["--run", "a-b"]),
        (["--run=a-b"], ["--run=a-b"]),
    ],
)
def test_dashes_and_bare_flags_are_understood(options, given, expected):
    assert spelled_out(flags(options), given) == expected


@pytest.mark.parametrize(
    "given, expected",
    [
        (["--data", "a:/x"], ["--data=a:/x"]),
        (["--data", "a:/x", "--data=b:/y"], ['--data=["a:/x", "b:/y"]']),
        (
            ["--data", "a:/x", "b:/y", "--o", "1"],
            ['--data=["a:/x", "b:/y"]', "--o", "1"],
        ),
        (["--data", "a:/x", "-h"], ["--data=a:/x", "-h"]),
        (["--kinds", "a", "b", "--kinds", "c"], ['--kinds=["a", "b", "c"]']),
        (["--data", "[a:/x]", "--data", "b"], ['--data=["a:/x", "b"]']),
        (["--data", "[a:/x]"], ["--data=[a:/x]"]),
        (["--kinds", "clinical: overview"], ['--kinds=["clinical: overview"]']),
        (["--kinds", "null", "--other", "1"], ["--kinds=null", "--other", "1"]),
        (["--data", "--other"], ["--data", "--other"]),
        (["x", "--other", "y"], ["x", "--other", "y"]),
    ],
)
def test_option_said_several_times_is_a_list(given, expected):
    assert gathered({"data": True, "kinds": False}, given) == expected


def test_options_that_take_several_words():
    assert lists_of_words(AuditSkinToneSettings) == {
        "data": True, "tone_estimators": False, "image_types": False,
    }  # fmt: skip
    assert lists_of_words(run_recipe) == {"data": True, "image_types": False}
    assert lists_of_words(CompareSettings) == {
        "runs": False, "data": True, "image_types": False,
    }  # fmt: skip
    assert lists_of_words(TrainClassifierSettings) == {}


@pytest.mark.parametrize(
    "given, expected",
    [
        (["--steps", "-30", "-15", "--run", "x"], ["--steps=[-30,-15]", "--run", "x"]),
        (["--steps", "-30,-15"], ["--steps=[-30,-15]"]),
        (["--steps=-30,-15"], ["--steps=[-30,-15]"]),
        (["--steps", "(-30, -15)"], ["--steps=[-30, -15]"]),
        (["--steps", "[-30, -15]"], ["--steps=[-30, -15]"]),
        (["--steps", "-30"], ["--steps=[-30]"]),
        (["--steps", "-30", "-h"], ["--steps=[-30]", "-h"]),
        (["--steps", "--run", "x"], ["--steps", "--run", "x"]),
        (["--run", "-30,-15", "a"], ["--run", "-30,-15", "a"]),
    ],
)
def test_numbers_need_no_brackets(given, expected):
    assert in_brackets({"steps"}, given) == expected


def test_fractions_are_taken_as_people_write_them():
    assert lists_of_numbers(TrainClassifierSettings) == set()
    for given in (["0.5", "0.2", "0.3"], ["0.5,0.2,0.3"], ["(0.5, 0.2, 0.3)"]):
        arguments = ["--run", "x", "--fractions", *given, "--seed", "2"]
        _, settings = read_options(PrepareDatasetSettings, arguments)
        assert settings == PrepareDatasetSettings(fractions=(0.5, 0.2, 0.3), seed=2)


def test_flag_of_a_generator_may_be_bare_too():
    given = ["--generator.sngan.batch-normalization", "--generator.sngan.dropout", "0"]
    assert spelled_out(flags(TrainGeneratorSettings), given) == [
        "--generator.sngan.batch_normalization=true",
        "--generator.sngan.dropout",
        "0",
    ]


def test_generator_is_named_on_the_command_line_or_in_a_file(tmp_path):
    file = tmp_path / "options.yaml"
    file.write_text("generator: {cyclegan: {identity_weight: 0.1}}")
    assert named_generator(["--n_steps", "4"]) == (None, ["--n_steps", "4"])
    given = ["--generator", "cyclegan", "--n_steps", "4"]
    assert named_generator(given) == ("cyclegan", ["--n_steps", "4"])
    assert named_generator(["--generator=sngan"]) == ("sngan", [])
    given = ["--generator.sngan.dropout", "0.1"]
    assert named_generator(given) == ("sngan", given)
    given = ["--config", str(file)]
    assert named_generator(given) == ("cyclegan", given)
    given = [f"--config={file}"]
    assert named_generator(given) == ("cyclegan", given)
    with pytest.raises(ValueError, match="must be one of.*Received: cyclegan, sngan"):
        named_generator(["--config", str(file), "--generator", "sngan"])
    with pytest.raises(ValueError, match="Received: gan"):
        named_generator(["--generator", "gan"])


def test_sources_are_recorded_as_they_were_said():
    one, two = AuditSkinToneSettings("p"), AuditSkinToneSettings(["p", "q"])
    assert one.to_dict()["data"] == "p" and one.sources == ("p",)
    assert two.to_dict()["data"] == ["p", "q"] and two.sources == ("p", "q")
    assert AuditSkinToneSettings.from_dict({"data": "p"}) == one
    assert AuditSkinToneSettings.from_dict(two.to_dict()) == two
    with pytest.raises(SettingsError, match="image_types.*Received: 'dermoscopy'"):
        AuditSkinToneSettings("p", image_types=["dermoscopy"])


MEMBER = MemberSettings("VGG16", epochs=3)


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (
            ["--image-size", "64", "--fractions", "[0.5, 0.25, 0.25]"],
            PrepareDatasetSettings(64, fractions=(0.5, 0.25, 0.25)),
        ),
        (
            ["--members", '[{"backbone": "VGG16", "epochs": 3}]', "--n_views", "4"],
            TrainClassifierSettings(members=[MEMBER], n_views=4),
        ),
        (
            ["--ensemble_weights", "[2, 1, 1]"],
            TrainClassifierSettings(ensemble_weights=(2.0, 1.0, 1.0)),
        ),
        (
            ["--cells", "[{diagnosis: MEL, count: 9}, {tone_group: dark, share: 0.5}]"],
            SynthesizeSettings(
                cells=[
                    CellSettings("MEL", count=9),
                    {"tone_group": "dark", "share": 0.5},
                ]
            ),
        ),
        (
            ["--weights.VGG16", "imagenet", "--optimization.clip_norm", "null"],
            TrainClassifierSettings(
                weights={"VGG16": "imagenet"},
                optimization=OptimizationSettings(clip_norm=None),
            ),
        ),
        (
            ["--member.backbone", "VGG16", "--learning_rate", "[0.001, 0.1]"],
            TuneSettings(MemberSettings("VGG16"), learning_rate=(0.001, 0.1)),
        ),
        (
            ["--optimization.optimizer", "adam"],
            TuneSettings(optimization=OptimizationSettings("adam")),
        ),
        (
            ["--fine_tuning.method", "qat", "--fine_tuning.n_steps", "20"],
            ExportTfliteSettings(fine_tuning=FineTuningSettings("qat", n_steps=20)),
        ),
        (
            ["--fine_tuning", '{"method": "qat"}'],
            ExportTfliteSettings(fine_tuning=FineTuningSettings("qat")),
        ),
        (
            ["--predictions.a", "x.csv", "--predictions.b", '["y.csv", "z.csv"]'],
            CompareSettings(
                predictions={"a": "x.csv", "b": ["y.csv", "z.csv"]}, data="p"
            ),
        ),
        (
            ["--data", "ddi:/ddi"],
            AuditSkinToneSettings("ddi:/ddi"),
        ),
        (
            ["--data", "ddi:/ddi", "--data", "phantom:n=2,seed=1"],
            AuditSkinToneSettings(("ddi:/ddi", "phantom:n=2,seed=1")),
        ),
        (
            ["--data", "p", "--image-types", "clinical: close-up"],
            AuditSkinToneSettings("p", image_types=("clinical: close-up",)),
        ),
        (["--n_steps", "400"], TrainGeneratorSettings(n_steps=400)),
        (
            ["--generator", "cyclegan", "--generator.cyclegan.identity_weight=0.3"],
            TrainGeneratorSettings(CycleGANSettings(identity_weight=0.3)),
        ),
        (
            ["--generator.sngan.diagnoses", "[MEL]", "--max_minutes", "3"],
            TrainGeneratorSettings(SNGANSettings(diagnoses=["MEL"]), max_minutes=3.0),
        ),
    ],
)
def test_options_are_read_into_settings(arguments, expected):
    needed = ["--data", "p"] if expected.stage == "compare" else []
    given = ["--run", "runs/x", *needed, *arguments]
    assert read_options(type(expected), given) == ("runs/x", expected)


@pytest.mark.parametrize(
    "text, expected",
    [
        (
            "members: [{backbone: VGG16, epochs: 3}]\noptimization: {optimizer: adam}",
            TrainClassifierSettings(
                members=[MEMBER], optimization=OptimizationSettings("adam")
            ),
        ),
        (
            "fine_tuning: {method: qat}\nseed: 3",
            ExportTfliteSettings(fine_tuning=FineTuningSettings("qat"), seed=3),
        ),
        ("data: ddi:/ddi", AuditSkinToneSettings("ddi:/ddi")),
        (
            "data: [ddi:/ddi, ph2:/ph2]\nimage_types: ['clinical: close-up']",
            AuditSkinToneSettings(
                ("ddi:/ddi", "ph2:/ph2"), image_types=("clinical: close-up",)
            ),
        ),
        (
            "generator: cyclegan\nn_steps: 400",
            TrainGeneratorSettings("cyclegan", n_steps=400),
        ),
        (
            "generator: {sngan: {dropout: 0.25}}",
            TrainGeneratorSettings(SNGANSettings(dropout=0.25)),
        ),
    ],
)
def test_options_may_stand_in_a_file(tmp_path, text, expected):
    file = tmp_path / "options.yaml"
    file.write_text(text)
    given = ["--run", "runs/x", "--config", str(file)]
    assert read_options(type(expected), given) == ("runs/x", expected)


@pytest.mark.parametrize("stage", list(STAGES))
def test_defaults_of_the_command_line_are_those_of_the_settings(stage):
    reads = ("audit_skin_tone", "train_skin_tone", "validate_skin_tone")
    needed = dict.fromkeys(reads, {"data": "p"}) | {"compare": {"runs": ["a"]}}
    needed = needed.get(stage, {})
    given = [f"--{name}={value}" for name, value in needed.items()]
    expected = STAGES[stage].from_dict(needed)
    found = read_options(STAGES[stage], ["--run", "runs/x", *given])
    assert found == ("runs/x", expected)


def test_value_out_of_its_range_is_told_as_everywhere():
    members = '[{"backbone": "VGG16", "epochs": -1}]'
    with pytest.raises(SettingsError, match="`epochs` must be .*Received: -1"):
        read_options(TrainClassifierSettings, ["--run", "x", "--members", members])


def test_value_of_a_wrong_type_is_told_by_the_parser(capsys):
    for given in (["--batch_size", "16x"], ["--members", "5"], ["--surprise", "1"]):
        with pytest.raises(SystemExit) as status:
            read_options(TrainClassifierSettings, ["--run", "x", *given])
        assert status.value.code == 2
        told = capsys.readouterr().err
        assert given[0].lstrip("-") in told and given[1] in told
