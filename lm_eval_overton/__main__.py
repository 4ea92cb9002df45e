"""`python -m lm_eval_overton` is the `overton` command."""

import sys

from lm_eval_overton.cli import main

sys.exit(main())
