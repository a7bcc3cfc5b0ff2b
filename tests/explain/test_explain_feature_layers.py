"""Maps read feature maps that are fine enough, and through which all evidence goes."""

import keras
import pytest

from keras_derm.classifiers import build_classifier
from keras_derm.explain import feature_layers, map_regions
from keras_derm.settings import Recipe

RECIPES = {
    "keras_derm": ("published", "laptop", "demo", "thumbnail", "quick"),
    **dict.fromkeys(
        ("sn_gan_ensemble", "lora_diffusion", "cwgan_gp", "melanet"),
        ("published", "laptop", "quick"),
    ),
}
LONG_TO_BUILD = ("NASNetLarge", "InceptionResNetV2")


@pytest.fixture(autouse=True)
def clear_session():
    yield
    keras.backend.clear_session()


def members():
    """Every network of a recipe at the size of its images; by default the smallest."""
    found = {
        (member.backbone, member.image_size, member.cropped_from)
        for name, scales in RECIPES.items()
        for scale in scales
        for arm in Recipe.load(name, scale).arms().values()
        for member in arm.members
    }
    built = set(LONG_TO_BUILD)
    for backbone, side, whole in sorted(found, key=lambda one: (one[1], str(one))):
        marks = [pytest.mark.slow] if backbone in built else []
        built.add(backbone)
        yield pytest.param(backbone, side, whole, marks=marks, id=f"{backbone}-{side}")


@pytest.mark.parametrize("backbone, side, cropped_from", members())
def test_maps_of_every_recipe_have_twelve_regions_a_side(backbone, side, cropped_from):
    model = build_classifier(backbone, 2, side, cropped_from=cropped_from)
    rows, columns = map_regions(model)
    assert 12 <= rows == columns <= 24


@pytest.mark.parametrize(
    "backbone, side, name",
    [
        ("MobileNetV2", 96, "block_6_expand_relu"),
        ("VGG16", 64, "block3_conv3"),
        ("SmallResNet", 28, "stage2_block1_1_relu"),
        # Not in a branch: behind it come layers of 17 x 17 in three of four branches.
        pytest.param("InceptionV3", 299, "mixed7", marks=pytest.mark.slow),
    ],
)
def test_layer_is_the_last_one_that_is_fine_enough(backbone, side, name):
    model = build_classifier(backbone, 2, side)
    assert [layer.name for layer in feature_layers(model, 12)] == [name]


@pytest.mark.parametrize("side, name", [(64, "block4_pool"), (16, "block4_conv2_relu")])
def test_feature_maps_are_those_before_pooling(side, name):
    """At 16 pixels the network ends in one position, which has no "where"."""
    model = build_classifier("CustomCNN", 2, side)
    assert [layer.name for layer in feature_layers(model)] == [name]


def network(side, body):
    inputs = keras.Input((side, side, 3))
    x = keras.layers.Rescaling(1 / 255, name="scaled")(inputs)
    x = keras.layers.Conv2D(4, 3, padding="same", strides=2, name="first")(x)
    x = keras.layers.GlobalAveragePooling2D()(body(x))
    return keras.Model(inputs, keras.layers.Dense(2, "softmax")(x))


def halved(x, name):
    return keras.layers.Conv2D(4, 3, padding="same", strides=2, name=name)(x)


def test_network_without_as_many_positions_gives_its_finest():
    """Not those of the image itself, which no layer has looked at."""
    model = network(16, lambda x: halved(x, "second"))
    assert [layer.name for layer in feature_layers(model, 12)] == ["first"]
    assert map_regions(model) == (8, 8)


def test_where_there_are_ways_past_each_layer_several_are_read():
    """As in NASNet, where each cell takes the outputs of the two cells before it."""

    def body(x):
        branches = [halved(halved(x, f"{name}_1"), f"{name}_2") for name in "ab"]
        return keras.layers.Add(name="sum")(branches)

    model = network(64, body)
    assert [layer.name for layer in feature_layers(model, 12)] == ["a_1", "b_1"]
    assert [layer.name for layer in feature_layers(model, 20)] == ["first"]
    assert [layer.name for layer in feature_layers(model)] == ["sum"]


def test_network_without_convolutions_has_no_feature_maps():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Flatten()(inputs)
    flat = keras.Model(inputs, keras.layers.Dense(2, "softmax")(x))
    with pytest.raises(ValueError, match="no feature maps.*Received:"):
        feature_layers(flat)
    assert map_regions(flat, "smooth_grad") is None
