"""Tasks found in folders, prompts found by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import plain_square, tar_bytes

from webimagetext_train import prompts
from webimagetext_train.errors import UserError
from webimagetext_train.tasks import Classification, Retrieval, find_task

RED, BLUE = plain_square((255, 0, 0)), plain_square((0, 0, 255))


def _write(path: Path, content: bytes = RED) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _classification(name: str) -> Classification:
    task = find_task(name)
    assert isinstance(task, Classification)
    return task


def test_a_folder_of_folders(tmp_path: Path) -> None:
    for name in ("red_square/b.png", "red_square/deep/a.PNG", "blue/c.png", "blue/notes.txt", ".hidden/d.png"):
        _write(tmp_path / "shapes" / name, RED if "red" in name else BLUE)
    task = _classification(str(tmp_path / "shapes"))
    assert (task.name, task.classes, task.train) == ("shapes", ["blue", "red square"], None)
    assert task.templates == prompts.read_templates(prompts.FOLDER / "default.txt")
    assert [task.test.target(number) for number in range(len(task.test))] == [0, 1, 1]
    assert task.test.picture(0) == BLUE and task.test.picture(2) == RED


def test_a_folder_with_train_and_test(tmp_path: Path) -> None:
    for name in ("test/cat/a.png", "test/dog/b.png", "train/dog/c.png", "train/dog/d.png"):
        _write(tmp_path / "wds_vtab-pets" / name)
    task = _classification(str(tmp_path / "wds_vtab-pets"))
    assert "a photo of a {c}, a type of pet" in task.templates
    assert task.train is not None
    assert [task.train.target(number) for number in range(len(task.train))] == [1, 1]
    before = task.test.fingerprint()
    _write(tmp_path / "wds_vtab-pets" / "test" / "cat" / "e.png")
    assert _classification(str(tmp_path / "wds_vtab-pets")).test.fingerprint() != before
    _write(tmp_path / "wds_vtab-pets" / "train" / "bird" / "c.png")
    with pytest.raises(UserError, match="train has the class bird"):
        find_task(str(tmp_path / "wds_vtab-pets"))


def test_captions_make_it_retrieval(tmp_path: Path) -> None:
    files = [("a.png", RED), ("a.txt", b"a red square\n\n one of red \r\n"), ("b.png", BLUE), ("b.txt", "blue\u2028one".encode())]
    _write(tmp_path / "pairs" / "test" / "0.tar", tar_bytes(files))
    for name in (str(tmp_path / "pairs"), str(tmp_path / "pairs" / "test" / "*.tar")):
        task = find_task(name)
        assert isinstance(task, Retrieval)
        assert [task.captions(number) for number in range(2)] == [["a red square", "one of red"], ["blue\u2028one"]]


def test_prompts_of_a_name_or_a_file(tmp_path: Path) -> None:
    for name in ("test/cat/a.png", "test/dog/b.png"):
        _write(tmp_path / name)
    (tmp_path / "mine.txt").write_text("my {c}\n")
    assert find_task(str(tmp_path), str(tmp_path / "mine.txt")).templates == ["my {c}"]  # type: ignore[union-attr]
    assert find_task(str(tmp_path), "pets").templates == prompts.read_templates(prompts.FOLDER / "pets.txt")  # type: ignore[union-attr]
    with pytest.raises(UserError, match="wrong is neither a file nor one of caltech101, "):
        find_task(str(tmp_path), "wrong")


@pytest.mark.parametrize("name", prompts.names())
def test_shipped_prompts(name: str) -> None:
    templates = prompts.read_templates(prompts.FOLDER / f"{name}.txt")
    assert len(set(templates)) == len(templates)
    assert all(template.count(prompts.PLACE) == 1 and template == template.strip() for template in templates)


def test_nothing_there(tmp_path: Path) -> None:
    for name, said in (("nowhere", "is no folder"), ("empty", "has no folder with pictures")):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(UserError, match=said):
            find_task(str(tmp_path / name))


def test_a_blank_line_moves_no_class_and_the_mark_of_windows_is_no_name(tmp_path: Path) -> None:
    _write(tmp_path / "squares" / "test" / "0.tar", tar_bytes([("a.png", RED), ("a.cls", b"1")]))
    names = tmp_path / "squares" / "classnames.txt"
    names.write_bytes("\ufeffred\r\nblue \r\n\r\n".encode())
    assert _classification(str(tmp_path / "squares")).classes == ["red", "blue"]
    names.write_text("red\n\nblue\n")
    with pytest.raises(UserError, match=r"classnames\.txt names no class in line 2"):
        find_task(str(tmp_path / "squares"))


def test_folders_in_which_every_answer_would_be_right(tmp_path: Path) -> None:
    for name in ("pets/train/cat/a.png", "pets/train/dog/b.png", "flat/test/images/a.png"):
        _write(tmp_path / name)
    with pytest.raises(UserError, match=r"pets has train/ but no test/, .*: name .*/pets/train"):
        find_task(str(tmp_path / "pets"))
    with pytest.raises(UserError, match="has one folder, images"):
        find_task(str(tmp_path / "flat"))
