"""How the judge's training recipes begin, and their step."""

import torch
from torch import nn

WARM_UP = 0.06  # of all steps


def descend(optimiser, parameters, loss, rate, step, total):
    """Step number `step` of `total`: a warm-up, then a linear decay to nothing; gradients to norm 1 at most."""
    for group in optimiser.param_groups:
        group["lr"] = rate * max(0.0, min(1, (step + 1) / (WARM_UP * total)) * (1 - step / total))
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(parameters, 1.0)
    optimiser.step()


def arguments(arg):
    """Parses the command line of a recipe that writes into OUT, and makes the folder; threads and seed are set."""
    arg.add_argument("--seed", type=int, default=17)
    arg.add_argument("--threads", type=int, default=1)
    args = arg.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    return args
