"""The Renyi differential privacy (RDP) of a set of events: an upper bound at a fixed, small price.

Takes merged groups, gives an epsilon. Looser than the privacy loss distribution, by 5 to 10 % for
many uses and by more for a few rare ones, but its work depends on neither the steps nor the noise.

**Tables.** A discrete Gaussian of sensitivity 1 is rho-zCDP with rho = 1 / (2 sigma^2), and rho
adds up over tables (C. Canonne, G. Kamath, T. Steinke, NeurIPS 2020, theorem 4): RDP alpha * rho.

**Gradients.** The Poisson-subsampled Gaussian at whole orders (I. Mironov, K. Talwar, L. Zhang,
2019, section 3.3), adding and removing alike. The binomial sum is taken of exp(...) - 1, all of
whose terms are positive: nothing cancels, so a tiny sample rate does not round to no loss at all,
and rounding does not pile up over steps. Between whole orders (alpha - 1) * RDP(alpha), the log of
a moment, is convex in alpha: the straight line is an upper bound.

**Epsilon.** dp-accounting's `compute_epsilon` (Canonne, Kamath, Steinke 2020, proposition 12).
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from synthkit.privacy.loss import Group

_WHOLE = (1, *range(2, 65), 80, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)
"""Orders at which moments are summed; at 1 the moment's log is 0."""
_FEW = 1e-12
"""Relative error that double precision may have left, added on the safe side."""


def epsilon(groups: tuple[Group, ...], delta: float) -> float:
    """Prices merged groups by their Renyi divergences; infinity where none is finite."""
    from dp_accounting.rdp.rdp_privacy_accountant import compute_epsilon

    orders = _orders()
    rdp = np.zeros_like(orders)  # (n_orders,)
    for group in groups:
        rdp += float(group.times) * _one_use(group.noise, group.sample_rate)
    with np.errstate(over="ignore"):
        found, _ = compute_epsilon(orders.tolist(), (rdp * (1 + _FEW)).tolist(), delta)
    return float(found)


@functools.cache
def _orders() -> NDArray[np.float64]:
    close = np.array([1.011, 1.015, 1.02, 1.03, 1.05, 1.07])
    usual = np.arange(11, 200) / 10  # (n_usual,)
    found = np.unique(np.concatenate([close, usual, np.array(_WHOLE[1:], dtype=np.float64)]))
    return np.concatenate([found, 2.0 ** np.arange(12, 31)])


@functools.lru_cache(maxsize=4096)
def _one_use(noise: float, sample_rate: float | None) -> NDArray[np.float64]:
    """RDP of one use at every order, shape (n_orders,)."""
    orders = _orders()
    plain: NDArray[np.float64] = orders / (2 * noise**2)  # (n_orders,)
    if sample_rate is None or sample_rate == 1.0:
        return plain
    moments = np.array([0.0, *(_log_moment(noise, sample_rate, a) for a in _WHOLE[1:])])
    between = np.interp(orders, _WHOLE, moments, right=np.inf) / (orders - 1)  # (n_orders,)
    # Divergence is quasi-convex: a mixture with the neighbour is never further from it.
    closer: NDArray[np.float64] = np.minimum(plain, between)
    return closer


def _log_moment(noise: float, sample_rate: float, order: int) -> float:
    """Log of E[(density ratio)^order], by the binomial sum, at one whole order."""
    from scipy.special import gammaln, logsumexp

    i = np.arange(2, order + 1, dtype=np.float64)  # (order - 1,)
    ways = gammaln(order + 1) - gammaln(i + 1) - gammaln(order - i + 1)
    chance = i * math.log(sample_rate) + (order - i) * math.log1p(-sample_rate)
    growth = (i * i - i) / (2 * noise**2)  # (order - 1,)
    log_excess = growth + np.log(-np.expm1(-growth))  # log(exp(growth) - 1), without overflow
    return float(np.logaddexp(0.0, logsumexp(ways + chance + log_excess)))
