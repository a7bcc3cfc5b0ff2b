"""Write a phantom data set (images, masks, metadata.csv) to disk.

Example: python apps/make_phantom.py phantom --n 2000 --seed 7 --size 256
"""

from jsonargparse import auto_cli

from keras_derm.phantom import write_phantom

if __name__ == "__main__":
    auto_cli(write_phantom)
