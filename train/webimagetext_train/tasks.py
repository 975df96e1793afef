"""Evaluation sets: CLIP_benchmark's WebDataset folders, folders of pictures, shards of captioned pictures, and digits.

| form | layout |
|---|---|
| classification, WebDataset | `classnames.txt`, `test/*.tar`, perhaps `train/*.tar`; a sample is KEY.jpg and KEY.cls |
| retrieval, WebDataset | `test/*.tar` without `classnames.txt`; a sample is KEY.jpg and KEY.txt, a caption a line |
| retrieval, shards | a pattern such as `data/shards/*.tar`: what the crawl writes |
| folder | `CLASS/*.jpg`, or `test/CLASS/*.jpg` and `train/CLASS/*.jpg` |
| `digits` | 1,797 handwritten digits inside the package scikit-learn |
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from .sklearn_digits import read_digits
from .errors import UserError
from .prompts import TEMPLATES_FILE, read_lines, templates_for
from .shards import PICTURES, ShardIndex, find_shards

LAYOUT = f"a task folder has classnames.txt and test/*.tar, or a folder of pictures for each class, and perhaps {TEMPLATES_FILE}"
BUILT_IN = "digits"


class Samples(Protocol):
    """Pictures, each with the number of a class."""

    def __len__(self) -> int: ...

    def picture(self, index: int) -> bytes:
        """A file in some picture format."""
        ...

    def target(self, index: int) -> int:
        """Number of its class."""
        ...

    def fingerprint(self) -> str:
        """Changes when the samples do."""
        ...


@dataclass
class Classification:
    """A picture is to be given one of `classes`."""

    name: str
    classes: list[str]
    templates: list[str]
    """Captions with `{c}` where the name of a class goes."""
    test: Samples
    train: Samples | None = None
    """For linear probes."""
    warnings: list[str] = field(default_factory=list)


@dataclass
class Retrieval:
    """Pictures are to be found by their captions and captions by their pictures."""

    name: str
    index: ShardIndex
    warnings: list[str] = field(default_factory=list)

    def fingerprint(self) -> str:
        """Changes when the pictures do."""
        return tar_fingerprint(self.index)

    def captions(self, sample: int) -> list[str]:
        """Of one picture; one or more."""
        # By \n alone: a caption may hold other marks that Python takes for the end of a line.
        return [line.strip() for line in self.index.read(sample, 1).decode("utf-8", "replace").split("\n") if line.strip()]


def tar_fingerprint(index: ShardIndex) -> str:
    """With the times of the files: a set that was built again may have the same sizes and other pictures."""
    return f"{index.fingerprint()} {[os.stat(path).st_mtime_ns for path in index.paths]}"


class Tar:
    """Samples of tar shards with KEY.cls."""

    def __init__(self, index: ShardIndex, classes: int):
        self.index, self._classes = index, classes

    def __len__(self) -> int:
        return len(self.index)

    def picture(self, index: int) -> bytes:
        """As stored."""
        return self.index.read(index, 0)

    def target(self, index: int) -> int:
        """What KEY.cls says."""
        raw = self.index.read(index, 1)
        try:
            target = int(raw)
        except ValueError as error:
            raise UserError(f"{self.index.key(index)}.cls says {raw[:20]!r}: it must hold the number of a class") from error
        if not 0 <= target < self._classes:
            raise UserError(f"{self.index.key(index)}.cls says class {target}, but classnames.txt has {self._classes} lines")
        return target

    def fingerprint(self) -> str:
        """Of the shards' names, sizes, times and offsets."""
        return tar_fingerprint(self.index)


class Files:
    """Pictures in a folder for each class."""

    def __init__(self, folder: Path, classes: Sequence[str]):
        self._files = [
            (path, number) for number, name in enumerate(classes) for path in sorted((folder / name).rglob("*")) if path.suffix[1:].lower() in PICTURES
        ]

    def __len__(self) -> int:
        return len(self._files)

    def picture(self, index: int) -> bytes:
        """As stored."""
        return self._files[index][0].read_bytes()

    def target(self, index: int) -> int:
        """That of its folder."""
        return self._files[index][1]

    def fingerprint(self) -> str:
        """Of paths, sizes and times."""
        digest = hashlib.sha256()
        for path, number in self._files:
            stat = path.stat()
            digest.update(f"{path}\0{number} {stat.st_size} {stat.st_mtime_ns}\n".encode())
        return digest.hexdigest()


def find_task(name: str, prompts: str | None = None) -> Classification | Retrieval:
    """The task that `name` means; `prompts` is a file of templates, or a name in `prompts/`, to use instead of its own."""
    if name == BUILT_IN:
        return _digits(prompts)
    if ".tar" in name:
        return _retrieval(name, name)
    folder = Path(name)
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder (and the only task inside a package is {BUILT_IN}): {LAYOUT}")
    if (folder / "classnames.txt").exists():
        return _webdataset(folder, prompts)
    if any((folder / "test").glob("*.tar")):
        return _retrieval(folder.resolve().name, str(folder / "test" / "*.tar"))
    return _pictures(folder, prompts)


def _notes(index: ShardIndex, what: str) -> list[str]:
    notes = [f"{line}; reading what lies before" for line in index.damaged]
    return [*notes, f"{index.incomplete} samples lack a picture or a {what}"] if index.incomplete else notes


def _webdataset(folder: Path, prompts: str | None) -> Classification:
    classes = read_lines(folder / "classnames.txt", LAYOUT)
    if "" in classes:
        # To leave it out would give the classes after it another number.
        raise UserError(f"{folder}/classnames.txt names no class in line {classes.index('') + 1}: the line's place is the number that KEY.cls holds")
    name = folder.resolve().name
    templates = templates_for(name, folder, prompts)
    test = ShardIndex.build(find_shards(str(folder / "test" / "*.tar"), LAYOUT), [PICTURES, ("cls",)])
    task = Classification(name, classes, templates, Tar(test, len(classes)), warnings=_notes(test, "class"))
    if any((folder / "train").glob("*.tar")):
        train = ShardIndex.build(find_shards(str(folder / "train" / "*.tar"), LAYOUT), [PICTURES, ("cls",)])
        task.train = Tar(train, len(classes))
        task.warnings += _notes(train, "class")
    return task


def _retrieval(name: str, pattern: str) -> Retrieval:
    index = ShardIndex.build(find_shards(pattern, LAYOUT), [PICTURES, ("txt",)])
    if len(index) == 0:
        raise UserError(f"{pattern} holds no picture with a caption (KEY.jpg and KEY.txt): {LAYOUT}")
    return Retrieval(name, index, _notes(index, "caption"))


def _pictures(folder: Path, prompts: str | None) -> Classification:
    def classes_in(split: Path) -> list[str]:
        return sorted(entry.name for entry in os.scandir(split) if entry.is_dir() and not entry.name.startswith("."))

    split = next((folder / name for name in ("test", "val", "validation") if (folder / name).is_dir()), folder)
    names = classes_in(split)
    if split == folder and names == ["train"]:
        raise UserError(f"{folder} has train/ but no test/, val/ or validation/: name {folder}/train to judge by the pictures in it")
    test = Files(split, names)
    if len(test) == 0:
        raise UserError(f"{split} has no folder with pictures ({', '.join(PICTURES)}): {LAYOUT}")
    if len(names) == 1:
        raise UserError(f"{split} has one folder, {names[0]}, and whatever is asked is right where there is one class: {LAYOUT}")
    words = [name.replace("_", " ") for name in names]
    task = Classification(folder.resolve().name, words, templates_for(folder.resolve().name, folder, prompts), test)
    if split != folder and (folder / "train").is_dir():
        others = sorted(set(classes_in(folder / "train")) - set(names))
        if others:
            raise UserError(f"{folder}/train has the class {others[0]}, which {split} lacks: make the folder, even if it stays empty")
        task.train = Files(folder / "train", names)
    return task


def _digits(prompts: str | None) -> Classification:
    train, test = read_digits()
    names = "zero one two three four five six seven eight nine".split()
    return Classification(BUILT_IN, names, templates_for(BUILT_IN, None, prompts), test, train)
