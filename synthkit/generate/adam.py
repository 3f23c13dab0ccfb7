"""Adam (Kingma and Ba 2015, arXiv:1412.6980) for the generator network, by torch's own kernel.

Takes parameters and their gradients. `torch.optim.Adam` does the same, but making one loads torch's
compiler, which costs a fit two CPU seconds and is used by nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

EPSILON = 1e-8
"""Added to the root of the second moment, as in the paper."""


class Adam:
    """Moments of the gradients of some parameters.

    Args:
        parameters: What is moved, all on one device.
        betas: Decay of the first and of the second moment.
    """

    def __init__(
        self, parameters: Sequence[torch.nn.Parameter], *, betas: tuple[float, float]
    ) -> None:
        import torch

        self._parameters: list[torch.Tensor] = list(parameters)
        self._betas = betas
        self._first = [torch.zeros_like(p) for p in self._parameters]
        self._second = [torch.zeros_like(p) for p in self._parameters]
        # Scalars, one per parameter: the fused kernel counts its steps on the device.
        self._steps = [torch.zeros((), device=p.device) for p in self._parameters]

    def step(self, gradients: Sequence[torch.Tensor], learning_rate: float) -> None:
        """Moves all parameters once; gradients are in the order of the parameters."""
        import torch
        from torch.optim.adam import adam

        with torch.no_grad():
            adam(
                self._parameters,
                list(gradients),
                self._first,
                self._second,
                [],
                self._steps,
                fused=True,
                amsgrad=False,
                beta1=self._betas[0],
                beta2=self._betas[1],
                lr=learning_rate,
                weight_decay=0.0,
                eps=EPSILON,
                maximize=False,
            )
