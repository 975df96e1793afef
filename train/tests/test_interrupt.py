"""Ctrl-C before the program is there to answer it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT


@pytest.mark.parametrize("program", ["train", "evaluate", "export"])
def test_while_torch_is_loaded_it_ends_the_program_without_a_traceback(program: str, tmp_path: Path) -> None:
    # A torch that takes long, and says when it has begun.
    (tmp_path / "torch.py").write_text("import time\nprint('loading', flush=True)\ntime.sleep(60)\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    process = subprocess.Popen(
        [sys.executable, "-m", f"webimagetext_train.{program}"],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout and process.stdout.readline() == "loading\n"
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=50)
    assert (process.returncode, error) == (-signal.SIGINT, "")


def test_who_imports_the_package_keeps_his_own_answer() -> None:
    code = "import signal, webimagetext_train; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.stdout == "True\n"
