"""A file is the old one or the new one, whatever happens while it is written."""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import ROOT, SMALL

from webimagetext_train import checkpoint
from webimagetext_train.errors import UserError
from webimagetext_train.files import remove_temporaries, write_atomically
from webimagetext_train.model import CLIP
from webimagetext_train.optim import make_optimizer
from webimagetext_train.presets import PRESETS, TINY
from webimagetext_train.tokenizer import ClipTokenizer

SAVES_FOR_EVER = """
import sys, itertools, torch
from pathlib import Path
from conftest import SMALL
from webimagetext_train import checkpoint
from webimagetext_train.model import CLIP
from webimagetext_train.optim import make_optimizer
from webimagetext_train.presets import PRESETS, TINY
from webimagetext_train.tokenizer import ClipTokenizer
torch.set_num_threads(1)
path = Path(sys.argv[1])
tokenizer = ClipTokenizer.load(path.parent / "bpe.txt.gz")
model = CLIP(SMALL)
optimizer = make_optimizer(model, PRESETS[TINY].recipe)
for step in itertools.count(1):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(step)
    checkpoint.save(path, step=step, model=model, optimizer=optimizer, tokenizer=tokenizer, tokenizer_file="bpe.txt.gz", run={})
    print(step, flush=True)
"""


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_kill_while_saving_leaves_a_whole_checkpoint(tmp_path: Path, tokenizer: ClipTokenizer, kills: int) -> None:
    tokenizer.save(tmp_path / "bpe.txt.gz")
    path = tmp_path / checkpoint.LATEST
    rng = random.Random(0)
    for _ in range(kills):
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
        with subprocess.Popen([sys.executable, "-c", SAVES_FOR_EVER, str(path)], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            said = [int(process.stdout.readline()) for _ in range(3)]
            # Killed anywhere in a later save: after some work of its own this process does not know how far it is.
            sum(range(rng.randrange(400_000)))
            process.kill()
            said += map(int, process.stdout.read().split())
        loaded = checkpoint.load(path)
        assert loaded.step in (said[-1], said[-1] + 1)
        assert all((value == loaded.step).all() for value in loaded.state["state_dict"].values())
    remove_temporaries(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["bpe.txt.gz", "latest.pt"]


def test_non_finite_weights_are_not_saved(tmp_path: Path, tokenizer: ClipTokenizer) -> None:
    model = CLIP(SMALL)
    optimizer = make_optimizer(model, PRESETS[TINY].recipe)
    path = tmp_path / checkpoint.LATEST
    write_atomically(path, b"the last good one")
    for value in (float("nan"), float("inf")):
        model.ln_final.weight.data[3] = value
        with pytest.raises(UserError, match=r"ln_final\.weight became non-finite at step 5"):
            checkpoint.save(path, step=5, model=model, optimizer=optimizer, tokenizer=tokenizer, tokenizer_file="bpe.txt.gz", run={})
    assert path.read_bytes() == b"the last good one"


def test_an_error_while_writing_leaves_the_old_file_alone(tmp_path: Path) -> None:
    write_atomically(tmp_path / "deep" / "file", b"old")
    with pytest.raises(ZeroDivisionError):
        write_atomically(tmp_path / "deep" / "file", lambda file: file.write(b"new") / 0)
    assert [(file.name, file.read_bytes()) for file in (tmp_path / "deep").iterdir()] == [("file", b"old")]


@pytest.mark.parametrize("content", [b"x" * 1_000_000, lambda file: torch.save({"a": torch.zeros(300_000)}, file)], ids=["bytes", "torch.save"])
def test_a_full_disk_is_said_in_one_line(tmp_path: Path, content: object) -> None:
    """A limit on the size of files stands for the disk's."""
    path, limits = tmp_path / "file", resource.getrlimit(resource.RLIMIT_FSIZE)
    write_atomically(path, b"old")
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        with pytest.raises(UserError, match=f"^{path} cannot be written .*make room"):
            write_atomically(path, content)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("file", b"old")]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match="cannot be written"):
        write_atomically(tmp_path / "file" / "inside", b"x")


def test_only_the_files_own_temporaries_are_removed(tmp_path: Path) -> None:
    for name in (".a.pt.1.tmp", ".a.pt.22.tmp", ".b.pt.1.tmp", "a.pt", ".a.pt.tmp.keep"):
        (tmp_path / name).write_bytes(b"")
    remove_temporaries(tmp_path / "a.pt")
    assert sorted(file.name for file in tmp_path.iterdir()) == [".a.pt.tmp.keep", ".b.pt.1.tmp", "a.pt"]
