import keras
import numpy as np
import pytest

from keras_derm.classifiers import GroupDRO, group_means, next_group_weights

N, N_GROUPS = 24, 3


def batch(seed=0):
    generator = np.random.default_rng(seed)
    images = generator.normal(size=(N, 5)).astype("float32")
    one_hot = np.eye(2, dtype="float32")[generator.integers(0, 2, N)]
    return images, one_hot, np.arange(N) % N_GROUPS


def model(seed=0, optimizer=None, **options):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((5,))
    outputs = keras.layers.Dense(2, activation="softmax")(inputs)
    made = GroupDRO(keras.Model(inputs, outputs), [8, 8, 8], **options)
    made.compile(
        optimizer or keras.optimizers.SGD(0.1), keras.losses.CategoricalCrossentropy()
    )
    return made


def losses_of(made, images, one_hot):
    y_prob = made.classifier.predict(images, verbose=0)
    return -np.log((one_hot * y_prob).sum(axis=1))


def weights_of(made):
    return keras.ops.convert_to_numpy(made.group_weights)


def test_groups_with_greater_loss_gain_weight_and_the_weights_sum_to_one():
    before = np.array([0.5, 0.3, 0.2], "float32")
    losses = np.array([0.2, 1.0, 3.0], "float32")
    after = np.asarray(next_group_weights(before, losses, 0.5))
    expected = before * np.exp(0.5 * losses)
    np.testing.assert_allclose(after, expected / expected.sum(), rtol=1e-6)
    assert after.sum() == pytest.approx(1)
    assert np.all(np.diff(after / before) > 0)


def test_equal_losses_or_no_step_leave_the_weights():
    before = np.array([0.5, 0.3, 0.2], "float32")
    equal = np.full(3, 7.0, "float32")
    for losses, step_size in ((equal, 2.0), (np.arange(3, dtype="float32"), 0.0)):
        after = np.asarray(next_group_weights(before, losses, step_size))
        np.testing.assert_allclose(after, before, rtol=1e-6)


def test_a_group_without_images_has_no_loss():
    losses = np.array([1.0, 3.0, 5.0], "float32")
    means = np.asarray(group_means(losses, np.array([0, 0, 2]), 3))
    np.testing.assert_allclose(means, [2, 0, 5])


def test_a_step_is_algorithm_1_of_the_paper():
    """First the weights ascend, then the network descends on the sum they weigh."""
    images, one_hot, group = batch()
    made = model(step_size=0.7, adjustment=0.4)
    kernel, bias = (np.array(one) for one in made.classifier.get_weights())
    losses = losses_of(made, images, one_hot)
    of_groups = np.array([losses[group == g].mean() for g in range(N_GROUPS)])
    expected = np.exp(0.7 * (of_groups + 0.4 / np.sqrt(8))) / N_GROUPS
    expected /= expected.sum()
    made.train_on_batch(images, one_hot, sample_weight=group)
    np.testing.assert_allclose(weights_of(made), expected, rtol=1e-5)
    y_prob = np.exp(images @ kernel + bias)
    y_prob /= y_prob.sum(axis=1, keepdims=True)
    # The gradient of cross-entropy by the logits, each image as its group counts.
    gradient = (y_prob - one_hot) * (expected[group] / 8)[:, None]
    moved = made.classifier.get_weights()[0]
    np.testing.assert_allclose(moved, kernel - 0.1 * images.T @ gradient, atol=1e-5)


def test_small_groups_gain_by_the_adjustment_alone():
    made = GroupDRO(model().classifier, [100, 4, 25], step_size=1.0, adjustment=2.0)
    made.compile(keras.optimizers.SGD(0.0), keras.losses.CategoricalCrossentropy())
    images, one_hot, group = batch()
    made.classifier.set_weights([np.zeros((5, 2)), np.zeros(2)])  # equal losses
    made.train_on_batch(images, one_hot, sample_weight=group)
    expected = np.exp(2 / np.sqrt([100, 4, 25]))
    np.testing.assert_allclose(weights_of(made), expected / expected.sum(), rtol=1e-5)


def test_judging_moves_no_weights():
    images, one_hot, group = batch()
    made = model(step_size=5.0)
    found = made.evaluate(images, one_hot, batch_size=N, verbose=0)
    assert found == pytest.approx(losses_of(made, images, one_hot).mean(), rel=1e-5)
    np.testing.assert_allclose(weights_of(made), 1 / N_GROUPS)


def test_a_stopped_training_goes_on_as_one_that_was_not(tmp_path):
    images, one_hot, group = batch()
    straight = model(step_size=0.5, optimizer=keras.optimizers.Adam(0.05))
    stopped = model(step_size=0.5, optimizer=keras.optimizers.Adam(0.05))
    for step in range(4):
        if step == 2:
            stopped.save(tmp_path / "state.keras")
            stopped = keras.models.load_model(tmp_path / "state.keras")
        for made in (straight, stopped):
            made.train_on_batch(images, one_hot, sample_weight=group)
    np.testing.assert_array_equal(weights_of(stopped), weights_of(straight))
    assert np.ptp(weights_of(stopped)) > 0
    for one, other in zip(
        straight.classifier.get_weights(), stopped.classifier.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_worst_group_gains_over_plain_training():
    """Two groups whose truth contradicts: the mean sides with the larger one."""
    generator = np.random.default_rng(0)
    images = np.repeat(generator.choice([-1.0, 1.0], (200, 1)), 5, axis=1)
    group = (np.arange(200) < 20).astype(int)
    says = (images[:, 0] > 0) ^ (group == 1)
    one_hot = np.eye(2)[says.astype(int)]
    worst = {}
    for step_size in (0.0, 1.0):
        made = model(step_size=step_size, optimizer=keras.optimizers.SGD(0.05))
        if step_size == 0:  # the mean over images: every group by its share
            made.group_weights.assign([0.9, 0.1, 0.0])
        for _ in range(100):
            made.train_on_batch(images, one_hot, sample_weight=group)
        losses = losses_of(made, images, one_hot)
        worst[step_size] = max(losses[group == g].mean() for g in (0, 1))
    assert worst[1.0] < 0.8 < 1.5 < worst[0.0]


def test_faults_are_refused():
    classifier = model().classifier
    with pytest.raises(ValueError, match=r"for every group.* Received: \[3, 0\]"):
        GroupDRO(classifier, [3, 0])
    with pytest.raises(ValueError, match="`step_size` must not be negative"):
        GroupDRO(classifier, [3, 1], step_size=-1)
    with pytest.raises(ValueError, match="`adjustment` .* Received: -0.1"):
        GroupDRO(classifier, [3, 1], adjustment=-0.1)
