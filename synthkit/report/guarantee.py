"""What (epsilon, delta) and mu mean to an attacker: the ceilings no attack can pass.

Pure arithmetic on the claim. Sources: Kairouz, Oh, Viswanath 2015 (trade-off region of
(epsilon, delta)-DP); Dong, Roth, Su 2022 (Gaussian DP). Both hold for any attack on one privacy
unit under the add-or-remove relation.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from synthkit.artifacts import PrivacyStatement

_NORMAL = NormalDist()


def has_guarantee(privacy: PrivacyStatement | None) -> bool:
    """Whether the statement claims a finite epsilon at a stated delta, and nothing in it objects.

    A look that the release depends on and no budget covers voids the claim, whatever it says.
    """
    return privacy is not None and privacy.private and is_priced(privacy) and not uncovered(privacy)


def is_priced(privacy: PrivacyStatement) -> bool:
    """Whether a finite epsilon at a stated delta is given for the looks that are covered."""
    return (
        privacy.epsilon is not None
        and math.isfinite(privacy.epsilon)
        and privacy.delta is not None
        and math.isfinite(privacy.delta)
    )


def uncovered(privacy: PrivacyStatement) -> tuple[str, ...]:
    """Returns the names of looks that the release depends on and no budget covers."""
    return tuple(e.name for e in privacy.events if e.in_release and not e.covered)


def likelihood_factor(epsilon: float) -> float:
    """Returns e^epsilon; infinity where it leaves the range of a float."""
    return math.exp(epsilon) if epsilon < 700 else math.inf


def best_guess(epsilon: float, delta: float) -> float:
    """Returns the highest success rate of a membership guess from even odds.

    (e^epsilon + delta) / (1 + e^epsilon): the largest balanced accuracy in the region.
    """
    return (1 + delta * math.exp(-epsilon)) / (1 + math.exp(-epsilon))


def best_guess_gaussian(mu: float, mu_delta: float = 0.0) -> float:
    """Returns the same for a mu-Gaussian-DP mechanism: Phi(mu / 2).

    Where the Gaussian bound holds up to `mu_delta` in delta, the true positive rate may exceed it
    by so much at every false positive rate, and balanced accuracy by half of that.
    """
    return min(_NORMAL.cdf(mu / 2) + mu_delta / 2, 1.0)


def tpr_ceiling(
    epsilon: float, delta: float, fpr: float, mu: float | None = None, mu_delta: float = 0.0
) -> float:
    """Returns the highest true positive rate at a false positive rate."""
    steep = likelihood_factor(epsilon) * fpr + delta
    flat = 1 - math.exp(-epsilon) * max(0.0, 1 - delta - fpr)
    bound = min(steep, flat, 1.0)
    if mu is not None and math.isfinite(mu) and 0 < fpr < 1:
        bound = min(bound, _NORMAL.cdf(_NORMAL.inv_cdf(fpr) + mu) + mu_delta)
    return bound


def auc_ceiling(
    epsilon: float, delta: float, mu: float | None = None, mu_delta: float = 0.0
) -> float:
    """Returns the highest area under the ROC curve: the area of the trade-off region."""
    corner_fpr = (1 - delta) * math.exp(-epsilon) / (1 + math.exp(-epsilon))
    corner_tpr = best_guess(epsilon, delta)
    steep = corner_fpr * (delta + corner_tpr) / 2
    flat = (1 - delta - corner_fpr) * (corner_tpr + 1) / 2
    bound = steep + flat + delta
    if mu is not None and math.isfinite(mu):
        bound = min(bound, _NORMAL.cdf(mu / math.sqrt(2)) + mu_delta)
    return min(bound, 1.0)
