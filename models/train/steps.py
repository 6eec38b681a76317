"""The step of the judge's training recipes."""

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
