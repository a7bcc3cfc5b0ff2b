"""Files of settings, and files that only look like them."""

import pytest

from keras_derm.settings import Recipe, SettingsError
from keras_derm.settings.yaml_files import read_yaml

LAUGHS = "a0: &a0 [ha, ha]\n" + "".join(
    f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)
)
MERGES = "a0: &a0 {x: 1, y: 2}\n" + "".join(
    f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40)
)


def test_numbers_and_aliases_of_people_are_read():
    assert read_yaml("a: &a [1e-3, 2]\nb: *a\nc: 1e", "x") == {
        "a": [0.001, 2],
        "b": [0.001, 2],
        "c": "1e",
    }
    assert read_yaml("", "x") is None


@pytest.mark.parametrize(
    "text, said",
    [
        (LAUGHS, "hold up to 100,000 values"),
        (MERGES, "hold up to 100,000 values"),
        ("a: &a [*a]", "none is within itself"),
        ("&a {b: {c: *a}}", "none is within itself"),
        ("[" * 5_000, "must be YAML|levels deep"),
        ("[" * 200 + "]" * 200, "levels deep"),
        ("x" * 300_001, "up to 300,000 characters"),
        ("a: [1", "must be YAML"),
        ("a: !!python/object/apply:os.system [ls]", "must be YAML"),
        ("a: \x07", "must be YAML"),
        ("{[1]: 2}", "must be YAML"),
    ],
)
def test_what_would_grow_or_is_no_yaml_is_refused_at_once(text, said, tmp_path):
    with pytest.raises(SettingsError, match=f"(?s)({said}).*Received: recipe.yaml"):
        read_yaml(text, "recipe.yaml")
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match="Received: "):
        Recipe.load(str(path), "published")


def test_recipe_in_another_encoding_says_how_to_save_it(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_bytes("name: Hautkrebs für alle".encode("cp1252"))
    with pytest.raises(SettingsError, match="UTF-8: save it so. Received: "):
        Recipe.load(str(path), "published")
