"""What an audit found, as numbers: the scores of canaries -> lower bounds -> a verdict.

Canaries are made-up units, each of which was put into a copy of the table by a fair coin of its
own; an attack that reads the results of the fit gives each a score, high where it believes that
the canary was in the table. From scores and coins alone come two lower bounds on the epsilon that
the fit really spent: `assumption_free` trusts nothing but the coins, `gaussian_fit` also that the
scores are normal, and sees far more. `judge` sets both beside the claim.

Nothing here sees a row; the pipeline makes canaries, runs the fit and computes the scores.
"""

from __future__ import annotations

from synthkit.evaluate.audit.gaussian_fit import gaussian_fit
from synthkit.evaluate.audit.judging import judge
from synthkit.evaluate.audit.one_run import assumption_free, ceiling

__all__ = ["assumption_free", "ceiling", "gaussian_fit", "judge"]
