"""`npm run import-model -- SOURCE --out FILE`: another's CLIP as a checkpoint of ours, to evaluate, to train on with --init."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import checkpoint
from .errors import UserError
from .foreign import read_foreign
from .model import ACTIVATIONS
from .tokenizer import OPENAI, ClipTokenizer


def import_model(source: Path, out: Path, activation: str | None, tokenizer: ClipTokenizer) -> checkpoint.Checkpoint:
    """Writes the checkpoint, its tokenizer beside it, and reads it back."""
    config, weights = read_foreign(source, activation)
    if config.vocab_size != tokenizer.size:
        raise UserError(f"{source} has {config.vocab_size} tokens and the tokenizer {tokenizer.size}: name the one that it was trained with")
    merges = out.with_suffix(".bpe.txt.gz")
    tokenizer.save(merges)
    state = {
        "format": checkpoint.FORMAT,
        "step": 0,
        "config": config.to_dict(),
        "state_dict": weights,
        "tokenizer": {"file": merges.name, "sha256": tokenizer.digest()},
        "run": {"source": str(source)},
    }
    checkpoint.write(out, state)
    return checkpoint.load(out)


def main(arguments: list[str] | None = None) -> int:
    """-> exit code"""
    parser = argparse.ArgumentParser("webimagetext_train.import_model", description="Another's CLIP as a checkpoint of ours.", allow_abbrev=False)
    add = parser.add_argument
    add("source", type=Path, help="OpenAI's .pt; open_clip's .pt or .safetensors; a folder with config.json (transformers) or open_clip_config.json")
    add("--out", type=Path, required=True, metavar="FILE", help="the checkpoint to write; its tokenizer comes beside it")
    add("--activation", choices=tuple(ACTIVATIONS), help="of a source that does not name it; it cannot be seen in the weights")
    add("--tokenizer", default=OPENAI, metavar="FILE", help="its bpe_*.txt.gz (default: openai, the one inside an installed open_clip or clip)")
    args = parser.parse_args(arguments)
    try:
        done = import_model(args.source, args.out, args.activation, ClipTokenizer.load(args.tokenizer))
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{args.out}: {done.config.name}, {done.config.activation}, {done.config.image_size} px, {done.config.vocab_size:,} tokens")
    return 0


if __name__ == "__main__":
    sys.exit(main())
