"""Training for the group that is served worst: distributionally robust optimisation."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops


@keras.saving.register_keras_serializable(package="keras_derm")
class GroupDRO(keras.Model):
    """Train a classifier for the worst of several groups of images (group DRO).

    Each step weighs the mean loss of every group: weights of groups with greater loss
    are raised (exponentiated gradient ascent), and the classifier then descends on the
    weighted sum. In the paper every group is drawn as often as any other, and weight
    decay or early stopping is strong: a network that fits all training images without
    error is as fair to the groups as any, whatever their weights.

    What is saved holds the weights of the groups, so that a training that was stopped
    goes on as it would have. Only `classifier` is of use afterwards. On several devices
    each weighs its own part of the batch, and the weights are the mean of theirs.

    Args:
        classifier: `keras.Model` of images to probabilities `(batch, n_classes)`.
        group_counts: Training images of each group, `(n_groups,)`, all above 0.
        step_size: How fast the weights move: factor of the losses in the exponent.
        adjustment: Strength C of the group adjustment: C / sqrt(count) is added to the
            loss of a group by which its weight moves, since small groups are fitted
            better than they are known. 0 adds nothing.
        name: Name of the model.

    Call arguments: images, as the classifier takes them. Training batches are `(images,
    one-hot targets, group)`, the last the index of each image's group, `(batch,)`. The
    model is compiled with a `keras.losses.Loss` of targets and probabilities.

    Raises:
        ValueError: A group has no image, or a number is negative.

    Example:
        >>> model = GroupDRO(build_classifier("MobileNetV2", 2), np.bincount(group))
        >>> model.compile("adam", keras.losses.CategoricalCrossentropy())
        >>> model.fit(images, one_hot, sample_weight=group)
        >>> model.classifier.predict(images)

    Reference:
        Sagawa et al., Distributionally robust neural networks for group shifts, ICLR
        2020, algorithm 1 and section 3.3.
    """

    def __init__(
        self, classifier, group_counts, step_size=0.01, adjustment=0.0, name="group_dro"
    ):
        super().__init__(name=name)
        counts = np.asarray(group_counts)
        if counts.ndim != 1 or not len(counts) or not (counts > 0).all():
            raise ValueError(
                "`group_counts` must be above 0 for every group: leave out groups "
                f"without a training image. Received: {counts.tolist()}"
            )
        for key, value in (("step_size", step_size), ("adjustment", adjustment)):
            if value < 0:
                raise ValueError(f"`{key}` must not be negative. Received: {value}")
        self.classifier = classifier
        self.group_counts = counts.tolist()
        self.step_size, self.adjustment = float(step_size), float(adjustment)
        self.group_weights = self.add_weight(
            name="group_weights",
            shape=counts.shape,
            initializer=keras.initializers.Constant(1 / len(counts)),
            trainable=False,
            dtype="float32",
            aggregation="mean",
        )
        self.built = True

    def call(self, images, training=False):
        return self.classifier(images, training=training)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        losses = self.loss.call(y, y_pred)
        if sample_weight is None:  # the group of an image: needed in training alone
            return ops.mean(losses)
        of_groups = group_means(losses, sample_weight, len(self.group_counts))
        if training:
            counts = ops.array(self.group_counts, of_groups.dtype)
            known = of_groups + self.adjustment / ops.sqrt(counts)
            self.group_weights.assign(
                next_group_weights(
                    self.group_weights, ops.stop_gradient(known), self.step_size
                )
            )
        loss = ops.sum(self.group_weights * of_groups) + sum(map(ops.sum, self.losses))
        # Gradients are summed over the devices.
        return loss / tf.distribute.get_strategy().num_replicas_in_sync

    def get_config(self):
        return {
            "classifier": keras.saving.serialize_keras_object(self.classifier),
            "group_counts": self.group_counts,
            "step_size": self.step_size,
            "adjustment": self.adjustment,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        classifier = keras.saving.deserialize_keras_object(config["classifier"])
        return cls(**config | {"classifier": classifier})


def group_means(losses, groups, n_groups):
    """Mean loss of the images of each group, `(n_groups,)`; 0 where there is none.

    Args:
        losses: float `(batch,)`.
        groups: Index of each image's group, `(batch,)`.
        n_groups: Number of groups.
    """
    member = ops.one_hot(ops.cast(groups, "int32"), n_groups, dtype=losses.dtype)
    return ops.sum(member * losses[:, None], axis=0) / ops.maximum(
        ops.sum(member, axis=0), 1
    )


def next_group_weights(weights, losses, step_size):
    """Move the weights of groups by exponentiated gradient ascent on their losses.

    Args:
        weights: `(n_groups,)`, above 0, with sum 1.
        losses: Of each group, `(n_groups,)`.
        step_size: Factor of the losses in the exponent; 0 leaves the weights.

    Returns:
        `(n_groups,)` with sum 1: `weights * exp(step_size * losses)` over their sum.
    """
    return ops.softmax(ops.log(weights) + step_size * losses)
