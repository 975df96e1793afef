"""The two curves of an evaluation as an SVG: what prompts and their ensemble gain, and how accuracy grows with shots."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 40, 52
BLUE, GREY, ORANGE = "#2563eb", "#94a3b8", "#d97706"


def plot(result: dict) -> str:
    """Of a classification's result; the right half is left out where no probe was trained."""
    panels = [_prompts(result)]
    if "few_shot" in result:
        panels.append(_few_shot(result))
    inside = "".join(f'<g transform="translate({number * WIDTH} 0)">{panel}</g>' for number, panel in enumerate(panels))
    size = f"{len(panels) * WIDTH} {HEIGHT}"
    style = "text{font:12px system-ui,sans-serif;fill:#334155} .small{font-size:11px;fill:#64748b}"
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" role="img"><style>{style}</style><rect width="100%" height="100%" fill="#fff"/>{inside}</svg>\n'


def _text(x: float, y: float, text: str, anchor: str = "middle", kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(text)}</text>'


def _line(points: list[tuple[float, float]], colour: str, dashes: str = "") -> str:
    where = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{where}" fill="none" stroke="{colour}" stroke-width="1.5" stroke-dasharray="{dashes}"/>'


def _dot(x: float, y: float, colour: str, title: str, radius: float = 3.5) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}"><title>{escape(title)}</title></circle>'


def _axis(title: str, highest: float) -> tuple[list[str], Callable[[float], float]]:
    """The frame, and the height of a share."""
    top = min(1.0, math.ceil(highest * 10 + 0.5) / 10)
    step = 0.2 if top > 0.5 else 0.1 if top > 0.2 else 0.05

    def height(share: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share / top

    parts = [_text(LEFT, 22, title, "start")]
    for tick in range(int(top / step + 1e-9) + 1):
        y = height(tick * step)
        parts += [_line([(LEFT, y), (WIDTH - RIGHT, y)], "#e2e8f0"), _text(LEFT - 6, y + 4, f"{tick * step:.0%}", "end", "small")]
    return parts, height


def _prompts(result: dict) -> str:
    """The bare name, each template alone (sorted), and the ensemble of all."""
    each = sorted(result["each_template"].items(), key=lambda item: item[1])
    best = max(result["top1"], result["name_alone"], *(share for _, share in each))
    parts, height = _axis(f"{result['task']}: zero-shot top-1 by prompt", best)
    columns = [("the name alone", result["name_alone"], GREY), *((template, share, BLUE) for template, share in each), ("ensemble", result["top1"], ORANGE)]
    room = (WIDTH - LEFT - RIGHT) / len(columns)
    for number, (name, share, colour) in enumerate(columns):
        x = LEFT + room * (number + 0.5)
        parts.append(f'<rect x="{x - room * 0.35:.1f}" y="{height(share):.1f}" width="{room * 0.7:.1f}" height="{height(0) - height(share):.1f}" fill="{colour}"><title>{escape(name)}: {share:.1%}</title></rect>')
    parts.append(_text(LEFT, HEIGHT - 30, f"name alone {result['name_alone']:.1%}", "start", "small"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 30, f"{len(each)} templates, {each[0][1]:.1%} to {each[-1][1]:.1%}", "middle", "small"))
    parts.append(_text(WIDTH - RIGHT, HEIGHT - 30, f"ensemble {result['top1']:.1%}", "end", "small"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, f"chance {result['chance']:.1%}, {result['samples']} pictures, {result['classes']} classes", "middle", "small"))
    return "".join(parts)


def _few_shot(result: dict) -> str:
    """Accuracy by pictures a class, beside zero-shot and the probe on all of them."""
    curve = [(int(shots), found["top1"], found["deviation"]) for shots, found in result["few_shot"].items()]
    full = result.get("linear_probe")
    parts, height = _axis(f"{result['task']}: logistic regression on its features", max(result["top1"], *(top1 for _, top1, _ in curve), full["top1"] if full else 0))
    last = math.log2(max(shots for shots, _, _ in curve))

    def across(shots: int) -> float:
        return LEFT + 24 + (WIDTH - LEFT - RIGHT - 48) * (math.log2(shots) / last if last else 0.5)

    parts.append(_line([(LEFT, height(result["top1"])), (WIDTH - RIGHT, height(result["top1"]))], ORANGE, "5 4"))
    parts.append(_text(LEFT + 4, height(result["top1"]) - 5, f"zero-shot {result['top1']:.1%}", "start", "small"))
    if full:
        parts.append(_line([(LEFT, height(full["top1"])), (WIDTH - RIGHT, height(full["top1"]))], GREY, "5 4"))
        parts.append(_text(WIDTH - RIGHT - 4, height(full["top1"]) - 5, f"all {full['training_pictures']} pictures {full['top1']:.1%}", "end", "small"))
    parts.append(_line([(across(shots), height(top1)) for shots, top1, _ in curve], BLUE))
    for shots, top1, deviation in curve:
        x = across(shots)
        parts.append(_line([(x, height(max(0.0, top1 - deviation))), (x, height(min(1.0, top1 + deviation)))], BLUE))
        parts += [_dot(x, height(top1), BLUE, f"{shots} a class: {top1:.1%}"), _text(x, HEIGHT - 30, str(shots), "middle", "small")]
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, "labelled pictures a class", "middle", "small"))
    return "".join(parts)
