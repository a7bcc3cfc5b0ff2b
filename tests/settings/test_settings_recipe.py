"""Recipes: read, merged with what is published, and refused where they cannot be."""

from importlib import resources

import pytest
import yaml

from keras_derm.settings import (
    CellSettings,
    Recipe,
    SettingsError,
    TrainClassifierSettings,
)

RECIPES = [
    (path.name[: -len(".yaml")], scale)
    for path in sorted(resources.files("keras_derm.recipes").iterdir(), key=str)
    if path.name.endswith(".yaml")
    for scale in yaml.safe_load(path.read_text(encoding="utf-8"))["scales"]
]


def test_every_recipe_has_a_published_and_a_quick_scale():
    assert len({name for name, _ in RECIPES}) == 7
    for name, _ in RECIPES:
        assert {(name, "published"), (name, "quick")} <= set(RECIPES)
    assert {(name, "laptop") for name, _ in RECIPES} <= set(RECIPES)
    assert ("keras_derm", "thumbnail") in RECIPES


@pytest.mark.parametrize("name, scale", RECIPES)
def test_recipe_says_only_what_the_stages_take(name, scale):
    recipe = Recipe.load(name, scale)
    trained = set(recipe.arms()) & {"baseline", "augmented"}
    if "train_classifier" in recipe.only:
        assert ("baseline" in trained) and (
            ("augmented" in trained) == ("synthesize" in recipe.only)
        )
    else:
        assert not trained
    for stage in recipe.only:
        needed = {"data": "phantom:n=9"} if stage == "audit_skin_tone" else {}
        assert recipe.settings(stage, **needed).stage == stage


def test_scale_names_only_what_it_changes(tmp_path):
    published = {
        "train_generator": {"generator": {"sngan": {"dropout": 0.2, "latent_dim": 8}}},
        "train_classifier": {
            "members": [{"backbone": "VGG16"}],
            "weights": {"VGG16": "imagenet"},
            "optimization": {"optimizer": "adam", "clip_norm": None},
        },
    }
    small = {
        "train_generator": {"generator": {"sngan": {"latent_dim": 4}}},
        "train_classifier": {"weights": {}, "optimization": {"optimizer": "adadelta"}},
    }
    scales = {"published": published, "small": small}
    path = tmp_path / "r.yaml"
    path.write_text(yaml.safe_dump({"scales": scales}))
    recipe = Recipe.load(str(path), "small")
    generator = recipe.settings("train_generator").generator
    assert (generator.dropout, generator.latent_dim) == (0.2, 4)
    arm = recipe.arms()["baseline"]
    assert arm.weights == {}  # names of backbones are no settings
    assert (arm.optimization.optimizer, arm.optimization.clip_norm) == (
        "adadelta",
        None,
    )


def test_another_generator_has_none_of_the_published_ones_settings(tmp_path):
    published = {"train_generator": {"generator": {"sngan": {"dropout": 0.2}}}}
    scales = {
        "published": published,
        "other": {"train_generator": {"generator": "cyclegan"}},
    }
    path = tmp_path / "r.yaml"
    path.write_text(yaml.safe_dump({"scales": scales}))
    generator = Recipe.load(str(path), "other").settings("train_generator").generator
    assert generator.name == "cyclegan"


def test_cells_of_a_scale_take_the_place_of_a_published_target(tmp_path):
    cells = [{"diagnosis": "MEL", "count": 5}]
    scales = {
        "published": {"synthesize": {"cells": cells, "candidates_per_image": 2.0}},
        "filled": {"synthesize": {"target_per_diagnosis": 60}},
        "other": {"synthesize": {"cells": [cells[0] | {"count": 7}]}},
    }
    path = tmp_path / "r.yaml"
    path.write_text(yaml.safe_dump({"scales": scales}))
    filled, other = (
        Recipe.load(str(path), scale).settings("synthesize")
        for scale in ("filled", "other")
    )
    assert (filled.target_per_diagnosis, filled.cells) == (60, None)
    assert filled.candidates_per_image == other.candidates_per_image == 2.0
    assert [cell.count for cell in other.cells] == [7]


def test_images_that_the_papers_ask_for():
    asked = {
        name: Recipe.load(name, "published").settings("synthesize").cells
        for name in ("cwgan_gp", "lora_diffusion", "melanet")
    }
    assert asked["cwgan_gp"] == (CellSettings("MEL", count=1000),)
    assert asked["melanet"] == (CellSettings("MEL", for_each="benign"),)
    assert asked["lora_diffusion"] == (
        CellSettings("melanocytic", "dark", count=144),
        CellSettings("not_melanocytic", "dark", count=664),
    )


def test_unknown_scale_and_recipe_are_named():
    with pytest.raises(SettingsError, match="Received: 'huge'"):
        Recipe.load("sn_gan_ensemble", "huge")
    with pytest.raises(SettingsError, match="`recipe` must be one of.*'sngan'"):
        Recipe.load("sngan", "published")


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "has `scales`.*Received: .*r.yaml"),
        ("scales: {laptop: {}}", "among them `published`"),
        ("scales: [", "must be YAML"),
        ("scales: {published: {evaluate: {n: 1}}}", r"evaluate are.*Received: \['n'\]"),
        (
            "scales: {published: {train_classifier: {members: [{backbon: VGG16}]}}}",
            r"members are \['backbone'.*Received: \['backbon'\]",
        ),
        (
            "scales: {published: {train_classifier: {arms: {a: {sed: 1}}}}}",
            r"arm a are.*Received: \['sed'\]",
        ),
        (
            "scales: {published: {train_classifier: {batch_size: 16x}}}",
            "train_classifier: `batch_size`.*Received: '16x'",
        ),
        ("scales: {published: {train_classifier: {members: 5}}}", "Received: 5"),
        ("scales: {published: {train_classifier: 5}}", "names with values.*: 5"),
        ("scales: {published: [evaluate]}", "among them `published`"),
        ("scales: {published: {surprise: {}}}", "stages are.*Received: 'surprise'"),
        ("{only: [surprise], scales: {published: {}}}", "`only` must be.*surprise"),
        ("{only: evaluate, scales: {published: {}}}", "`only` must be.*evaluate"),
        ("{scales: {published: {}, small: 3}}", "scale small must name.*: 3"),
    ],
)
def test_fault_of_a_recipe_is_told_before_anything_is_begun(tmp_path, text, message):
    (tmp_path / "r.yaml").write_text(text)
    scale = "published"
    with pytest.raises(SettingsError, match=message):
        Recipe.load(str(tmp_path / "r.yaml"), scale)


def test_number_with_an_exponent_is_one(tmp_path):
    text = "scales: {published: {train_classifier: {weight_decay: 1e-3}}}"
    (tmp_path / "r.yaml").write_text(text)
    recipe = Recipe.load(str(tmp_path / "r.yaml"), "published")
    assert recipe.settings("train_classifier").weight_decay == 0.001


def test_arms_alone_are_trained_where_nothing_is_shared(tmp_path):
    own = {"members": [{"backbone": "VGG16"}], "seed": 3}
    stages = {"train_classifier": {"arms": {"own": own}}}
    path = tmp_path / "r.yaml"
    path.write_text(yaml.safe_dump({"scales": {"published": stages}}))
    (arm,) = Recipe.load(str(path), "published").arms().values()
    assert arm == TrainClassifierSettings("own", [{"backbone": "VGG16"}], seed=3)


def test_duplicates_are_searched_for_where_a_recipe_names_them(tmp_path):
    content = {"scales": {"published": {"audit_skin_tone": {}}, "clean": {}}}
    content["scales"]["clean"] = {"find_duplicates": {"n_shown": 3}}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(content))
    usual = Recipe.load(str(tmp_path / "a.yaml"), "published")
    assert "find_duplicates" not in usual.only and "evaluate" in usual.only
    clean = Recipe.load(str(tmp_path / "a.yaml"), "clean")
    assert clean.only[:3] == ("audit_skin_tone", "find_duplicates", "prepare_dataset")
    assert clean.settings("find_duplicates").n_shown == 3
