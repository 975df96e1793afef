"""Zero-shot classification (section 3.1): `python -m webimagetext_train.evaluate --checkpoint FILE --task DIR`.

A task folder is laid out as CLIP_benchmark's WebDataset tasks are: `classnames.txt`, `zeroshot_classification_templates.txt`
with `{c}` where the name goes, and `test/*.tar` whose samples have a picture and KEY.cls, the number of the class.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from . import checkpoint, images
from .errors import UserError
from .files import write_atomically
from .model import CLIP
from .options import at_least
from .shards import PICTURES, ShardIndex, find_shards
from .tokenizer import ClipTokenizer
from .train import cores, pick_device


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a proportion; also right near 0 and 1, where the usual one is not."""
    z = 1.959964
    p, spread = successes / trials, z * z / trials
    middle = (p + spread / 2) / (1 + spread)
    reach = z * math.sqrt(p * (1 - p) / trials + spread / (4 * trials)) / (1 + spread)
    return max(0.0, min(p, middle - reach)), min(1.0, max(p, middle + reach))


LAYOUT = "a task folder has classnames.txt, zeroshot_classification_templates.txt and test/*.tar"


def _lines(path: Path) -> list[str]:
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({getattr(error, 'strerror', 'no UTF-8')}): {LAYOUT}") from error
    if not lines:
        raise UserError(f"{path} is empty: {LAYOUT}")
    return lines


def _class_of(index: ShardIndex, sample: int, classes: int) -> int:
    raw = index.read(sample, 1)
    try:
        target = int(raw)
    except ValueError as error:
        raise UserError(f"{index.key(sample)}.cls says {raw[:20]!r}: it must hold the number of a class") from error
    if not 0 <= target < classes:
        raise UserError(f"{index.key(sample)}.cls says class {target}, but classnames.txt has {classes} lines")
    return target


@torch.no_grad()
def class_weights(model: CLIP, tokenizer: ClipTokenizer, names: list[str], templates: list[str], batch_size: int = 1024) -> Tensor:
    """-> (classes, E): for each class the mean of its normalised caption embeddings, normalised again (section 3.1.4)"""
    device = model.logit_scale.device
    captions = [template.replace("{c}", name) for name in names for template in templates]
    rows = []
    for start in range(0, len(captions), batch_size):
        tokens = tokenizer.encode(captions[start : start + batch_size], model.config.context_length)
        rows.append(F.normalize(model.encode_text(torch.from_numpy(tokens).to(device)).float(), dim=-1))
    return F.normalize(torch.cat(rows).view(len(names), len(templates), -1).mean(dim=1), dim=-1)


@torch.no_grad()
def evaluate(model: CLIP, tokenizer: ClipTokenizer, task: Path, batch_size: int = 256) -> dict:
    """Top-1 with its interval, top-5, mean recall over the classes that occur, chance."""
    names = _lines(task / "classnames.txt")
    templates = _lines(task / "zeroshot_classification_templates.txt")
    if not all("{c}" in template for template in templates):
        raise UserError(f"{task}/zeroshot_classification_templates.txt has a line without {{c}}: put it where the class name goes")
    index = ShardIndex.build(find_shards(str(task / "test" / "*.tar"), LAYOUT), [PICTURES, ("cls",)])
    model.eval()
    device = model.logit_scale.device
    weights = class_weights(model, tokenizer, names, templates)
    hits1 = hits5 = broken = 0
    seen, right = [0] * len(names), [0] * len(names)
    for start in range(0, len(index), batch_size):
        pictures, targets = [], []
        for sample in range(start, min(start + batch_size, len(index))):
            target = _class_of(index, sample, len(names))
            try:
                pictures.append(images.load(index.read(sample, 0), model.config.image_size))
                targets.append(target)
            except images.BrokenPicture:
                broken += 1
        if not pictures:
            continue
        features = F.normalize(model.encode_image(images.normalise(torch.stack(pictures).to(device))).float(), dim=-1)
        best = (features @ weights.T).topk(min(5, len(names)), dim=-1).indices.cpu().tolist()
        for target, guesses in zip(targets, best, strict=True):
            seen[target] += 1
            right[target] += guesses[0] == target
            hits1 += guesses[0] == target
            hits5 += target in guesses
    samples = sum(seen)
    if samples == 0:
        raise UserError(f"{task}/test holds no picture that can be read: build the task again")
    recalls = [right[c] / seen[c] for c in range(len(names)) if seen[c]]
    return {
        "task": task.name,
        "top1": hits1 / samples,
        "ci": list(wilson(hits1, samples)),
        "top5": hits5 / samples,
        "mean_per_class_recall": sum(recalls) / len(recalls),
        "chance": 1 / len(names),
        "classes": len(names),
        "samples": samples,
        "broken": broken,
        "incomplete": index.incomplete,
        "damaged": index.damaged,
        "templates": len(templates),
    }


def warnings(result: dict) -> list[str]:
    """What the result leaves out."""
    lines = [f"{line}; reading what lies before" for line in result["damaged"]]
    if result["incomplete"]:
        lines.append(f"{result['incomplete']} samples lack a picture or a class")
    if result["broken"]:
        lines.append(f"{result['broken']} pictures cannot be read")
    return lines


def sentence(result: dict) -> str:
    """The one line for people."""
    low, high = result["ci"]
    control = f", control with shuffled captions {result['control']['top1']:.1%}" if "control" in result else ""
    return (
        f"{result['task']}: zero-shot top-1 {result['top1']:.1%} (95 % CI {low:.1%} to {high:.1%}), top-5 {result['top5']:.1%}, "
        f"chance {result['chance']:.1%}{control}; {result['samples']} pictures, {result['classes']} classes, {result['templates']} templates"
    )


def main(arguments: list[str] | None = None) -> int:
    """-> exit code"""
    parser = argparse.ArgumentParser("webimagetext_train.evaluate", description="Zero-shot accuracy of a checkpoint on a task folder.")
    parser.add_argument("--checkpoint", type=Path, default=Path("data/checkpoints/latest.pt"), help="default: %(default)s")
    parser.add_argument("--task", type=Path, required=True, help="folder in CLIP_benchmark's WebDataset layout")
    parser.add_argument("--control", type=Path, metavar="FILE", help="a checkpoint trained with --shuffle-captions, to be judged beside it")
    parser.add_argument("--out", type=Path, help="also write the result to this JSON file")
    parser.add_argument("--batch-size", type=at_least(1), default=256, help="pictures at once (default: %(default)s)")
    parser.add_argument("--device", help="default: cuda if there is one, else cpu")
    parser.add_argument("--json", action="store_true", help="JSON instead of a sentence")
    args = parser.parse_args(arguments)
    try:
        torch.set_num_threads(cores())
        loaded = checkpoint.load(args.checkpoint)
        result = evaluate(loaded.model().to(pick_device(args.device)), loaded.tokenizer, args.task, args.batch_size)
        result |= {"checkpoint": str(args.checkpoint), "step": loaded.step, "model": loaded.config.name}
        if args.control:
            control = checkpoint.load(args.control)
            if not control.state["run"]["shuffle-captions"]:
                raise UserError(f"{args.control} was trained with its own captions: a control needs --shuffle-captions")
            judged = evaluate(control.model().to(pick_device(args.device)), control.tokenizer, args.task, args.batch_size)
            result["control"] = {"checkpoint": str(args.control), "step": control.step, "top1": judged["top1"], "ci": judged["ci"]}
        if args.out:
            write_atomically(args.out, (json.dumps(result, indent=1) + "\n").encode())
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for line in warnings(result):
        print(f"warning: {line}", file=sys.stderr)
    print(json.dumps(result) if args.json else sentence(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
