"""Python 3.10 is the oldest that the README promises, and newer ones run these tests."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from conftest import ROOT

FILES = sorted(ROOT.glob("webimagetext_train/*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_syntax_of_a_newer_one(path: Path) -> None:
    """Such as a star inside square brackets: also in annotations, which are parsed even where nobody looks at them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 10))):
        assert not (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple) and any(isinstance(part, ast.Starred) for part in node.slice.elts)), node.lineno
