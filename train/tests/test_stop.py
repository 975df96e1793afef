"""What a run makes of signals: one, copies of it, and one more."""

from __future__ import annotations

import subprocess
import sys

from conftest import ROOT

SIGNALLED = """
import os, signal, sys, time
from webimagetext_train.train import Stop
stop = Stop()
os.kill(os.getpid(), signal.SIGTERM)
os.kill(os.getpid(), signal.SIGTERM)
print("still here,", stop.signal, flush=True)
Stop.COPIES = 0.0
os.kill(os.getpid(), signal.SIGINT)
print("not here", flush=True)
"""


def test_a_signal_that_comes_twice_at_once_is_one_and_a_later_one_ends_the_run() -> None:
    """`timeout`, systemd and Slurm signal the whole group, and npm, node and torchrun hand it on: copies cost no checkpoint."""
    done = subprocess.run([sys.executable, "-c", SIGNALLED], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("still here, 15\n", 130), done.stderr
