"""The only part of the package that imports lm_eval."""
