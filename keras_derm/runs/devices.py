"""How training is spread over the devices of this machine."""


def default_strategy():
    """MirroredStrategy where there are several GPUs, else TensorFlow's default."""
    import tensorflow as tf

    if len(tf.config.list_physical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()
