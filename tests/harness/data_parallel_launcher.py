"""Start `lm_eval` as one of several processes on CPUs that take themselves for GPUs.

The harness shares documents out between processes only where it counts more than one GPU.
"""

import torch

torch.cuda.device_count = lambda: 2

from lm_eval.__main__ import cli_evaluate  # noqa: E402

if __name__ == "__main__":
    cli_evaluate()
