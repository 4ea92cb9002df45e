"""What did alignment do to what a model says? Tasks and metrics for lm-evaluation-harness."""

__version__ = "0.1.0"
