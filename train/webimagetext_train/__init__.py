"""Trains CLIP from scratch on WebDataset shards and judges it zero-shot by class names."""

import signal
import sys

__version__ = "0.1.0"

# Run by `python -m`, and its module not found yet: Ctrl-C while torch is loaded, seconds on a cold disk, ends the program and prints no traceback.
if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
