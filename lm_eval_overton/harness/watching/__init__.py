"""Checkpoints of a training run, each evaluated once as it appears."""
