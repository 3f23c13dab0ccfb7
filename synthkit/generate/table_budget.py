"""How the budget is divided among the noisy tables: by public facts alone, before any look.

In: numbers of columns, of pairs of columns, of targets. Out: shares of the summed squared
Gaussian-DP parameters mu^2. Figures: docs/decisions/0022 and 0033.
"""

from __future__ import annotations

from synthkit.generate.two_way import TARGET_TWO_WAY, TWO_WAY, n_pairs

LEAST_SHARE, MOST_SHARE = 0.6, 0.8
SINGLE_WORTH = 1.5
"""Pairs of columns whose tables are worth the budget of one column's own table."""


def automatic_share(n_pairs: int, n_columns: int, gradient_share: float = 0.0) -> float:
    """Returns the share of the budget for the tables of several columns (decision 0022).

    Args:
        n_pairs: Pairs whose tables are bought: without the target where it is in every table.
        n_columns: Columns, the target included.
        gradient_share: What the discriminator gets; one-way tables keep a tenth of the rest.
    """
    share = n_pairs / (n_pairs + SINGLE_WORTH * n_columns)
    return min(max(share, LEAST_SHARE), MOST_SHARE, 0.9 * (1 - gradient_share))


def two_way_parts(
    n_columns: int, n_targets: int, least: float
) -> tuple[tuple[str, int, float], ...]:
    """Returns name, number and part of their budget of each kind of two-way tables.

    Those with a target are bought apart where their number alone would give them less than `least`
    of what all two-way tables get: of 48 columns 47 pairs have the target, 4 % (decision 0033).

    Args:
        n_columns: Columns, the targets included.
        n_targets: Columns that users will predict.
        least: Least part for the pairs that have one.
    """
    pairs, others = n_pairs(n_columns), n_pairs(n_columns - n_targets)
    with_target = pairs - others
    if not with_target or not others or with_target / pairs >= least:
        return ((TWO_WAY, pairs, 1.0),)
    return ((TWO_WAY, others, 1 - least), (TARGET_TWO_WAY, with_target, least))
