"""Work whose module says something as it is loaded, as TensorFlow does."""

import os
import sys

print("chatter", file=sys.stderr)


def process_of(item):
    return os.getpid()
