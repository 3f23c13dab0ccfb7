"""Our use of torch's Adam kernel moves parameters as `torch.optim.Adam` does."""

from __future__ import annotations

import torch

from synthkit.generate.adam import Adam


def test_parameters_move_as_torchs_own_optimizer_moves_them() -> None:
    source = torch.Generator().manual_seed(0)
    shapes = ((4, 3), (5,), ())
    start = [torch.randn(s, generator=source) for s in shapes]
    ours = [torch.nn.Parameter(t.clone()) for t in start]
    theirs = [torch.nn.Parameter(t.clone()) for t in start]
    optimizer = Adam(ours, betas=(0.5, 0.9))
    reference = torch.optim.Adam(theirs, lr=0.1, betas=(0.5, 0.9))
    for step in range(20):
        rate = 0.1 / (1 + step)
        gradients = [torch.randn(s, generator=source) for s in shapes]
        optimizer.step(gradients, rate)
        for group in reference.param_groups:
            group["lr"] = rate
        for parameter, gradient in zip(theirs, gradients, strict=True):
            parameter.grad = gradient.clone()
        reference.step()
    torch.testing.assert_close(list(ours), list(theirs))
    assert all(not torch.equal(a, b) for a, b in zip(ours, start, strict=True))
