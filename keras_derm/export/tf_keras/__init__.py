"""The Keras 2 twin of a classifier, which TF-MOT can fine-tune.

`twin_description` is read by both sides. All other modules import tf_keras and belong
to the process that `worker` is run in; a program that uses Keras 3 must not import
them.
"""
