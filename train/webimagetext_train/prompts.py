"""Prompt templates: captions with `{c}` in place of a class's name (section 3.1.4).

A task's own file comes first, then the file in `prompts/` that is named like the task (`pets` for `wds_vtab-pets`), then
`prompts/default.txt`.
"""

from __future__ import annotations

import re
from pathlib import Path

from .errors import UserError

TEMPLATES_FILE = "zeroshot_classification_templates.txt"
FOLDER = Path(__file__).with_name("prompts")
PLACE = "{c}"


def read_lines(path: Path, layout: str) -> list[str]:
    """Up to the last that is not blank; `layout` ends the message of an error."""
    try:
        # Editors of Windows put a mark before the first line.
        lines = path.read_text(encoding="utf-8-sig").rstrip().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({getattr(error, 'strerror', 'no UTF-8')}): {layout}") from error
    if not lines:
        raise UserError(f"{path} is empty: {layout}")
    return [line.strip() for line in lines]


def read_templates(path: Path) -> list[str]:
    """Each has a place for the name."""
    templates = [line for line in read_lines(path, f"it holds a caption a line, with {PLACE} where the class name goes") if line]
    if not all(PLACE in template for template in templates):
        raise UserError(f"{path} has a line without {PLACE}: put it where the class name goes")
    return templates


def names() -> list[str]:
    """Data sets that have prompts of their own."""
    return sorted(path.stem for path in FOLDER.glob("*.txt"))


def templates_for(task: str, folder: Path | None, choice: str | None) -> list[str]:
    """Of the file or name that was chosen, else of the task's folder, else of the data set that its name ends with."""
    if choice is not None:
        shipped = FOLDER / f"{choice}.txt"
        if not shipped.exists() and not Path(choice).exists():
            raise UserError(f"{choice} is neither a file nor one of {', '.join(names())}: name a file of templates with --prompts")
        return read_templates(shipped if shipped.exists() else Path(choice))
    if folder and (folder / TEMPLATES_FILE).exists():
        return read_templates(folder / TEMPLATES_FILE)
    known = [name for name in names() if re.search(rf"(^|[^a-z0-9]){name}$", task.lower().replace("-", "_"))]
    return read_templates(FOLDER / f"{max(known, key=len, default='default')}.txt")
