"""Spectral normalization that moves only when it is told to."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="keras_derm")
class SpectralNormalization(keras.layers.Wrapper):
    """Divides a linear layer's weight by its largest singular value.

    `keras.layers.SpectralNormalization` overwrites the kernel at every call with
    `training=True`, so a discriminator that is called several times in one step
    moves several times, in the generator's step too. Here a call changes nothing:
    the stored weight stays as the optimizer left it, and `update()` does the one
    power iteration that Miyato et al. do per discriminator update.

    The layer inside holds the weight and says what to do with it; what it is applied
    with is the weight divided. The bias is added afterwards.

    Args:
        layer: `Conv2D`, `Dense` or `Embedding` without bias or activation.
        use_bias: Whether to add a bias of its own after the division.

    Raises:
        ValueError: If the layer is of another kind, or has a bias or activation.

    Example:
        >>> layer = SpectralNormalization(keras.layers.Dense(1, use_bias=False))
        >>> score = layer(features)
        >>> layer.update()

    Reference:
        Miyato, Kataoka, Koyama, Yoshida, "Spectral Normalization for Generative
        Adversarial Networks", ICLR 2018.
    """

    def __init__(self, layer, use_bias=True, **kwargs):
        super().__init__(layer, **kwargs)
        kinds = (keras.layers.Conv2D, keras.layers.Dense, keras.layers.Embedding)
        if not isinstance(layer, kinds):
            raise ValueError(
                "`layer` must be a Conv2D, Dense or Embedding layer. "
                f"Received: layer={layer!r}"
            )
        has_activation = getattr(layer, "activation", None) not in (
            None,
            keras.activations.linear,
        )
        if getattr(layer, "use_bias", False) or has_activation:
            raise ValueError(
                "`layer` must have use_bias=False and no activation: the bias is "
                f"added after the division. Received: layer={layer!r}"
            )
        self.use_bias = use_bias

    def build(self, input_shape):
        super().build(input_shape)
        n_outputs = self._weight.shape[-1]
        # Every replica computes the same vector, so any of them may write it.
        self.singular_vector = self.add_weight(
            name="singular_vector",
            shape=(n_outputs,),
            initializer=keras.initializers.RandomNormal(seed=n_outputs),
            trainable=False,
            aggregation="only_first_replica",
        )
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias", shape=(n_outputs,), initializer="zeros"
            )

    @property
    def _weight(self):
        if isinstance(self.layer, keras.layers.Embedding):
            return self.layer.embeddings
        return self.layer.kernel

    def _matrix_product(self, vector):
        """The weight as an (inputs, outputs) matrix, times `vector` (outputs,)."""
        weight = tf.cast(self._weight, tf.float32)
        matrix = tf.reshape(weight, (-1, weight.shape[-1]))
        return matrix, tf.linalg.matvec(matrix, vector)

    def singular_value(self):
        """Estimate of the largest singular value, differentiable in the weight."""
        vector = tf.stop_gradient(
            tf.math.l2_normalize(tf.cast(self.singular_vector, tf.float32))
        )
        # The gradient of |W v| is (W v / |W v|) v^T: Miyato's u v^T.
        return tf.norm(self._matrix_product(vector)[1]) + 1e-12

    def update(self):
        """One power iteration. Call it once per discriminator update."""
        vector = tf.math.l2_normalize(tf.cast(self.singular_vector, tf.float32))
        matrix, product = self._matrix_product(vector)
        product = tf.math.l2_normalize(product)
        vector = tf.linalg.matvec(matrix, product, transpose_a=True)
        self.singular_vector.assign(tf.math.l2_normalize(vector))

    def call(self, inputs):
        # A weight is smaller than the feature maps, which could be divided instead.
        weight = tf.cast(self._weight, tf.float32) / self.singular_value()
        outputs = self._apply(inputs, tf.cast(weight, self.compute_dtype))
        if self.use_bias:
            outputs = outputs + tf.cast(self.bias, outputs.dtype)
        return outputs

    def _apply(self, inputs, weight):
        if isinstance(self.layer, keras.layers.Embedding):
            return tf.gather(weight, inputs)
        if isinstance(self.layer, keras.layers.Conv2D):
            return self.layer.convolution_op(inputs, weight)
        return tf.matmul(inputs, weight)

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    def get_config(self):
        return super().get_config() | {"use_bias": self.use_bias}


def update_singular_vectors(model):
    """One power iteration in every `SpectralNormalization` layer of `model`.

    Args:
        model: A functional `keras.Model`, nested models included.
    """
    for layer in model._flatten_layers():
        if isinstance(layer, SpectralNormalization):
            layer.update()
