import keras

from keras_derm.networks import crossing_tensors


def test_what_is_made_before_a_cut_and_used_behind_it():
    """A way past the convolution, which is used once more at the end."""
    inputs = keras.Input((4, 4, 2))
    first = keras.layers.ReLU(name="first")(inputs)
    second = keras.layers.Conv2D(2, 1, name="second")(first)
    third = keras.layers.Add(name="third")([first, second])
    outputs = keras.layers.Flatten(name="fourth")(third)
    model = keras.Model(inputs, outputs)
    expected = {
        "first": [first],
        "second": [first, second],
        "third": [third],
        "fourth": [outputs],
    }
    found = dict(
        zip([op.name for op in model.operations], crossing_tensors(model), strict=True)
    )
    assert [id(t) for t in found.pop(model.operations[0].name)] == [id(inputs)]
    for name, tensors in expected.items():
        assert [id(t) for t in found[name]] == [id(t) for t in tensors], name
