"""Trains CLIP from scratch on WebDataset shards and judges it zero-shot by class names."""

__version__ = "0.1.0"
