"""What it cost: every covered look priced together in one privacy loss distribution (PLD).

Takes events (`synthkit.privacy.event`) and a delta, gives an epsilon, always the pessimistic end;
and searches the other way, for the noise that a budget buys. Neighbours differ by adding or
removing one privacy unit; both directions are composed and the worse one counts.

**Tables.** One unit moves at most one cell of each of the k tables of a `NoisyTables` event, by
exactly one. Noise is independent per cell, so the density ratio of two neighbouring releases is a
product over cells, in which every unmoved cell contributes 1: at most k factors remain, each the
ratio of a discrete Gaussian to itself shifted by one. The privacy loss is therefore the sum of (at
most) k independent losses of the sensitivity-1 discrete Gaussian, and its distribution is exactly
the k-fold composition `from_discrete_gaussian(sigma, sensitivity=1).self_compose(k)`. The shift's
sign is irrelevant by symmetry, so adding and removing cost the same. Mechanism and its privacy:
C. Canonne, G. Kamath, T. Steinke, "The Discrete Gaussian for Differential Privacy", NeurIPS 2020.

**Gradients.** A `NoisyGradients` event is `steps` adaptive uses of the Poisson-subsampled Gaussian
(M. Abadi et al., CCS 2016). Removing and adding a unit have different losses; both are kept.

**Thresholds.** A `ThresholdedTables` event counts keys that the rows bring. On a table and the
same table with one more unit, the keys that both have are `tables` counts moved by at most one, as
above. A key that only the added unit has is the other part: its noise is independent of the rest,
and it stays untold with probability at least 1 - its share of `delta`, exactly as on the smaller
table. So that part is (0, delta)-DP; such a pair is dominated by one that differs with probability
delta and is equal otherwise (P. Kairouz, S. Oh, P. Viswanath, ICML 2015, theorem 3.4's region at
epsilon 0), and its convolution with any loss distribution adds at most delta to every point of
that distribution's delta(epsilon). Hence: all counts are priced at what the thresholds leave of
delta. (The key-threshold release is that of A. Korolova et al., WWW 2009; with Gaussian noise,
D. Desfontaines, J. Voss, B. Gipson, C. Mandayam, PoPETs 2022.)

**Concentrated.** Where all events are tables without thresholds, rho = sum of tables / (2 sigma^2)
bounds the zero-concentrated loss (Canonne, Kamath, Steinke 2020, theorem 14; M. Bun, T. Steinke,
TCC 2016, lemma 1.7).

**Composition.** Y. Zhu, J. Dong, Y.-X. Wang, AISTATS 2022: a pair of distributions that dominates
each step dominates any adaptive sequence by its convolution. Discretised by connect-the-dots
(V. Doroshenko et al., PoPETs 2022), which only ever overstates. The grid is at most epsilon / 1e4:
rounding adds up over compositions, a coarse grid overstates by several percent. Where no such grid
can be afforded, the Renyi bound is given if it is the smaller one, and `Cost.accountant` says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from synthkit.errors import ConvergenceError, InputError
from synthkit.privacy import loss
from synthkit.privacy.event import (
    Event,
    NoisyGradients,
    NoisyTables,
    ThresholdedTables,
    UncoveredLook,
)
from synthkit.privacy.gaussian import gaussian_mu
from synthkit.privacy.root_logger import root_logger_kept

_FINE = 1e4
_MU_SLACK = 1e-10
"""Delta below which no Gaussian-DP bound is claimed."""
_MU_POINTS = 400
_COARSE = 500.0
LARGEST_EPSILON = 100.0
"""Largest budget: e^100 bounds nothing, and deltas beyond e^700 cannot be computed."""
_LARGEST_PRICED = 500.0
_CLOSE = 1e-3
"""Calibration stops once this share of epsilon, or less, is left unspent."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The price of a set of events."""

    epsilon: float
    """Upper bound at `delta`."""
    delta: float
    mu: float | None
    """Gaussian-DP bound: the smallest mu (on a fine grid, rounded up) whose Gaussian trade-off
    dominates the whole privacy loss distribution, up to an additive `mu_delta`. It bounds
    every attack at every false alarm rate, not only at `delta`. None without covered events, and
    where so many uses are composed that no distribution is trusted that far into its tail."""
    mu_delta: float | None
    """What the mu-Gaussian bound leaves out, in delta: 1e-10 and the deltas of all thresholds. None
    where mu is None."""
    rho: float | None
    """Zero-concentrated DP: exact where every event is a table without a threshold, else None."""
    rho_note: str
    """Why there is no rho; empty where there is one."""
    accountant: str
    """Library, version and method, for the report."""


def cost(events: Iterable[Event], *, delta: float, thresholds_on_top: bool = False) -> Cost:
    """Prices all covered events together; an `UncoveredLook` costs nothing and covers nothing.

    Args:
        events: In any order; what was done, by the same population.
        delta: Strictly between 0 and 1, at least 1e-12.
        thresholds_on_top: True: `delta` is that of the noise alone, and what thresholds take comes
            on top of it (the result's `delta` is the sum). False: both share `delta`.

    Returns:
        The upper bound. No covered event: epsilon 0 (which is no claim about uncovered looks).

    Raises:
        InputError: If delta or an event's parameter is out of range, or the thresholds leave
            nothing of delta.
        ConvergenceError: If no epsilon of at most 500 holds at this delta.
    """
    checked_delta = check_delta(delta)
    looks = tuple(events)
    groups = loss.merged(looks)
    left = checked_delta
    if thresholds_on_top:
        checked_delta += loss.threshold_delta(looks)
    else:
        left = _delta_left(looks, checked_delta)
    priced = loss.priced(groups, left, _FINE)
    if not math.isfinite(priced.epsilon):
        raise ConvergenceError(
            "These events have no finite epsilon at this delta.",
            hint="Use more noise, fewer steps or a larger delta.",
        )
    if priced.epsilon > _LARGEST_PRICED:
        raise ConvergenceError(
            f"These events cost more than epsilon {_LARGEST_PRICED:g}, which bounds nothing.",
            hint="Use more noise or fewer steps.",
        )
    has_mu = priced.total is not None and loss.rounding_delta(groups) <= _MU_SLACK
    rho, rho_note = _concentrated(looks)
    return Cost(
        epsilon=priced.epsilon,
        delta=checked_delta,
        mu=_dominating_mu(priced.total) if has_mu else None,
        mu_delta=_MU_SLACK + loss.threshold_delta(looks) if has_mu else None,
        rho=rho,
        rho_note=rho_note,
        accountant=_accountant(is_renyi=priced.is_renyi),
    )


def epsilon_of(events: Iterable[Event], *, delta: float) -> float:
    """The epsilon of `cost` without the rest of it, ten times faster; for what is only displayed.

    Raises:
        InputError: As `cost`.
    """
    looks = tuple(events)
    return loss.priced(loss.merged(looks), _delta_left(looks, check_delta(delta)), _FINE).epsilon


def threshold_delta(events: Iterable[Event]) -> float:
    """Returns what the thresholds of all events together take of delta."""
    return loss.threshold_delta(events)


def _delta_left(events: Sequence[Event], delta: float) -> float:
    """Returns what the thresholds leave of delta for the noise.

    Raises:
        InputError: If they leave less than a thousandth of it.
    """
    left = delta - loss.threshold_delta(events)
    if left >= delta / 1000:
        return left
    raise InputError(
        "The thresholds of these events leave nothing of delta for their noise.",
        hint="Give thresholds a smaller delta (higher thresholds), or state a larger one.",
    )


def _concentrated(events: Sequence[Event]) -> tuple[float | None, str]:
    """Returns rho of zero-concentrated DP, or None and why."""
    covered = [e for e in events if not isinstance(e, UncoveredLook)]
    if not covered:
        return None, "nothing is covered"
    if any(isinstance(e, NoisyGradients) for e in covered):
        return None, (
            "Poisson sampling does not lower rho (Bun, Dwork, Rothblum, Steinke 2018): only that "
            "of unsampled steps would hold, which is far from their cost"
        )
    if any(isinstance(e, ThresholdedTables) for e in covered):
        return None, "a name told by a threshold has no bounded divergence, only its delta"
    tables = [e for e in covered if isinstance(e, NoisyTables)]
    return math.fsum(e.tables / (2 * e.sigma**2) for e in tables) * (1 + 1e-12), ""


def gaussian_sigma(epsilon: float, delta: float) -> float:
    """Returns the std of one continuous sensitivity-1 Gaussian that costs at most epsilon.

    The smallest such std, by the exact trade-off of B. Balle and Y.-X. Wang (ICML 2018,
    theorem 8). A discrete Gaussian of the same sigma differs in the fifth digit from sigma = 3
    upwards, in either direction: events that must not pass a budget go through `calibrate`.

    Raises:
        InputError: If epsilon or delta is out of range.
    """
    mu = gaussian_mu(check_epsilon(epsilon), check_delta(delta))
    return 1.0 / mu * (1.0 + 1e-9)  # the bisection's resolution, on the safe side


def calibrate(
    make_events: Callable[[float], Sequence[Event]], *, epsilon: float, delta: float
) -> float:
    """Finds the smallest noise scale whose events cost at most epsilon.

    Args:
        make_events: From a scale to the planned events; a larger scale must mean no less noise.
        epsilon: The budget.
        delta: The budget's delta.

    Returns:
        A scale whose events cost at most epsilon, checked on the fine grid after the search, and
        within 0.1 % of it unless the events do not vary smoothly with the scale.

    Raises:
        InputError: If epsilon or delta is out of range.
        ConvergenceError: If no scale in the accountant's range meets the budget.
    """
    target, checked_delta = check_epsilon(epsilon), check_delta(delta)

    def price(scale: float, accuracy: float) -> float:
        events = make_events(scale)
        groups = loss.merged(events, is_search=True)
        if groups and min(g.noise for g in groups) < loss.NOISE_RANGE[0]:
            return math.inf
        return loss.epsilon(groups, _delta_left(events, checked_delta), accuracy)

    low, high = _bracket(lambda s: price(s, _COARSE), target, 1.0, 4.0)
    scale = _root(lambda s: price(s, _COARSE), low, high, target)
    # The search was on a coarse grid; only scales priced on the fine one are returned.
    low, high = _bracket(lambda s: price(s, _FINE), target, scale, 1.02)
    return _root(lambda s: price(s, _FINE), low, high, target)


def default_delta(rows_public: int | None) -> float:
    """Returns min(1e-6, rows_public ** -1.1).

    Args:
        rows_public: Public order of magnitude of the number of units; never the exact count,
            which would make delta a function of the table. None: unknown.

    Raises:
        InputError: If `rows_public` is not a positive integer.
    """
    if rows_public is None:
        return 1e-6
    if isinstance(rows_public, bool) or not isinstance(rows_public, int) or rows_public < 1:
        raise InputError(
            "rows_public is not a positive whole number.",
            hint="Give the public order of magnitude of the population, for example 100000.",
        )
    return min(1e-6, math.pow(rows_public, -1.1))


def cross_check(events: Iterable[Event], *, delta: float) -> dict[str, float]:
    """Prices the same events by Opacus' accountants, tables as continuous Gaussians.

    `opacus_rdp` (Renyi) should come out above the PLD; `opacus_prv` (privacy random variable)
    within 1 % of it. `opacus_prv` is left out when its own estimate of the work is too large.

    Raises:
        InputError: If delta or an event's parameter is out of range.
    """
    import warnings

    with root_logger_kept():
        from opacus.accountants import PRVAccountant, RDPAccountant

    looks = tuple(events)
    delta_left = _delta_left(looks, check_delta(delta))
    history = [
        (g.noise, g.sample_rate, g.times)
        if g.sample_rate is not None
        else (g.noise / math.sqrt(g.times), 1.0, 1)
        for g in loss.merged(looks)
    ]
    if not history:
        return {"opacus_rdp": 0.0, "opacus_prv": 0.0}
    found: dict[str, float] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rdp = RDPAccountant()
        rdp.history = list(history)
        found["opacus_rdp"] = float(rdp.get_epsilon(delta=delta_left))
        is_cheap = found["opacus_rdp"] < 50 and min(h[0] for h in history) > 0.3
        if is_cheap and sum(h[2] for h in history) <= 200_000:
            prv = PRVAccountant()
            prv.history = list(history)
            found["opacus_prv"] = float(prv.get_epsilon(delta=delta_left, eps_error=0.005))
    return found


def check_epsilon(epsilon: Any) -> float:
    """Returns epsilon as a float.

    Raises:
        InputError: If it is not a number above 0 and at most 100 (booleans and strings are not
            numbers).
    """
    if loss.is_number(epsilon) and 0 < epsilon <= LARGEST_EPSILON:
        return float(epsilon)
    if loss.is_number(epsilon) and LARGEST_EPSILON < epsilon < math.inf:
        raise InputError(
            f"epsilon is above {LARGEST_EPSILON:g}, which bounds nothing.",
            hint="Typical values: 1 (strong) to 10 (weak).",
        )
    raise InputError(
        "epsilon is not a finite number above 0.",
        hint="Typical values: 1 (strong) to 10 (weak); without a guarantee, name a generator "
        "that makes no privacy claim instead.",
    )


def check_delta(delta: Any) -> float:
    """Returns delta as a float.

    Raises:
        InputError: If it is not a number between 1e-12 and 1 (exclusive).
    """
    if loss.is_number(delta) and 1e-12 <= delta < 1:
        return float(delta)
    raise InputError(
        "delta is not a number from 1e-12 up to, but not including, 1.",
        hint="Leave it out for the default of at most 1e-6; it should be far below "
        "1 / number of people.",
    )


_Priced = tuple[float, float]
"""A scale and the log of its price over the target."""


def _bracket(
    price: Callable[[float], float], target: float, start: float, factor: float
) -> tuple[_Priced, _Priced]:
    """Returns neighbouring scales, the first dearer than the target and the second not."""

    def priced(scale: float) -> _Priced:
        return scale, math.log(max(price(scale), 1e-300) / target)

    here, grows = priced(start), factor
    is_dear = here[1] > 0
    for _ in range(60):
        there = priced(here[0] * grows if is_dear else here[0] / grows)
        if (there[1] > 0) != is_dear:
            return (here, there) if is_dear else (there, here)
        here, grows = there, min(grows**2, 4.0)
    raise ConvergenceError(
        "No noise scale was found that just satisfies the requested epsilon.",
        hint="Every covered event must get more noise as the scale grows, and at least one must "
        "depend on it; or change epsilon.",
    )


def _root(price: Callable[[float], float], low: _Priced, high: _Priced, target: float) -> float:
    """Narrows a bracket by Illinois steps in log-log; returns a scale priced at most `target`."""
    (x0, y0), (x1, y1) = low, high
    best, gap = high
    for _ in range(60):
        if gap > -_CLOSE / 4 or x1 / x0 < 1 + 1e-6:
            break
        share = y0 / (y0 - y1) if math.isfinite(y0) and math.isfinite(y1) else 0.5
        scale = x0 * (x1 / x0) ** min(max(share * 1.001, 0.02), 0.98)
        y = math.log(max(price(scale), 1e-300) / target)
        if y > 0:
            x0, y0, y1 = scale, y, y1 / 2
        else:
            x1, y1, y0, best, gap = scale, y, y0 / 2, scale, y
    return best


def _dominating_mu(total: Any) -> float:
    """Finds the smallest mu whose Gaussian delta is at least the distribution's, everywhere.

    Both curves fall with epsilon, so between two grid points it is enough that the Gaussian at
    the right one is not below the distribution at the left one. Only epsilon >= 0 is compared:
    the distribution answers for adding and removing alike, and delta at -epsilon follows from
    delta at epsilon with the roles exchanged (Dong, Roth and Su 2022, proposition 2.12).
    """
    import numpy as np

    last = float(total.get_epsilon_for_delta(_MU_SLACK))
    if last <= 0:
        return 0.0
    grid = np.linspace(0.0, last, _MU_POINTS + 1)
    deltas = total.get_delta_for_epsilon(grid[:-1].tolist())
    return max(gaussian_mu(e, float(d)) for e, d in zip(grid[1:], deltas, strict=True)) * (1 + 1e-9)


def _accountant(*, is_renyi: bool) -> str:
    from importlib.metadata import version

    library = f"dp-accounting {version('dp-accounting')}"
    if is_renyi:
        return f"RDP: {library}, Renyi bound (looser); a PLD of these events would not fit"
    return f"{library}, one PLD, pessimistic (connect-the-dots)"
