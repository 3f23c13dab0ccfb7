"""Section 4: fidelity beside the holdout, columns worst first, pair associations."""

from __future__ import annotations

import math
from typing import Any

from synthkit.artifacts import AssociationFigure, Decision, Evidence, MarginalFigure
from synthkit.report import measured
from synthkit.report.figures.associations import NAMED_COLUMNS, associations, step_labels
from synthkit.report.figures.marginals import bins, marginal
from synthkit.report.numbers import number, percent
from synthkit.report.tables import Figure, Table, headers
from synthkit.report.wording import plural

_PAIRS_LISTED = 105
_BINS_LISTED = 24
_ORDER = ("fidelity.tvd1", "fidelity.tvd2", "fidelity.tvd3", "fidelity.tvd1_worst")


def view(evidence: Evidence, decision: Decision) -> dict[str, Any]:
    """Returns the number table, the small multiples and the heat-map."""
    del decision
    names = [n for n in evidence.measurements if n.startswith("fidelity.")]
    names.sort(key=lambda n: (_ORDER.index(n) if n in _ORDER else len(_ORDER), n))
    return {
        "table": measured.table(
            "Fidelity to the training rows", [evidence.measurements[n] for n in names]
        ),
        "marginals": marginals(evidence.marginals),
        "associations": heat_map(evidence.associations),
        "legend": step_labels(),
        "key": evidence.associations.columns
        if evidence.associations and len(evidence.associations.columns) > NAMED_COLUMNS
        else (),
    }


def marginals(found: tuple[MarginalFigure, ...]) -> tuple[tuple[str, str, Figure], ...]:
    """Returns (column, distance, figure), worst column first."""
    order = sorted(range(len(found)), key=lambda i: (-_rank(found[i].tvd), i))
    return tuple(
        (
            found[i].column,
            number(found[i].tvd),
            Figure(
                svg=marginal(f"marginal-{rank}", found[i]),
                caption=found[i].column,
                data=_shares(found[i]),
                data_note=_left_out(found[i]),
            ),
        )
        for rank, i in enumerate(order)
    )


def heat_map(found: AssociationFigure | None) -> Figure | None:
    """Returns the split heat-map with its worst pairs as a table; None without pairs."""
    if found is None or len(found.columns) < 2:
        return None
    pairs = [
        (found.synthetic[i][j], found.holdout[i][j], j, i)
        for i in range(len(found.columns))
        for j in range(i)
    ]
    pairs.sort(key=lambda p: (-_rank(p[0]), p[2], p[3]))
    listed = pairs[:_PAIRS_LISTED]
    return Figure(
        svg=associations("association-map", found),
        caption="Absolute difference of Cramer's V to the training rows, for each pair of columns. "
        "Below the diagonal: synthetic rows. Above: unseen real rows, the noise floor.",
        data=Table(
            caption="Pairs of columns, largest difference first",
            headers=headers("Pair", "#Synthetic", "#Holdout"),
            rows=tuple(
                (f"{found.columns[a]} \u00d7 {found.columns[b]}", number(s), number(h))
                for s, h, a, b in listed
            ),
            is_compact=True,
        ),
        data_note=""
        if len(listed) == len(pairs)
        else f"The {len(listed)} largest of {plural(len(pairs), 'pair')}; "
        "the JSON twin holds them all.",
    )


def _rank(distance: float) -> float:
    """Returns the order of a distance; what is no number comes first, to be seen."""
    return distance if math.isfinite(distance) else math.inf


def _shares(figure: MarginalFigure) -> Table:
    """Returns the shares behind one small multiple, largest difference first if cut."""
    shown = list(bins(figure))
    if len(shown) > _BINS_LISTED:
        shown.sort(key=lambda b: -abs(b[3] - b[1]))
    return Table(
        caption=f"Shares of {figure.column}",
        headers=headers("Bin", "#Train", "#Holdout", "#Synth."),
        rows=tuple(
            (label, percent(t), percent(h), percent(s)) for label, t, h, s in shown[:_BINS_LISTED]
        ),
        is_compact=True,
    )


def _left_out(figure: MarginalFigure) -> str:
    """Says that a table is cut."""
    total = len(bins(figure))
    if total <= _BINS_LISTED:
        return ""
    return f"The {_BINS_LISTED} bins that differ most, of {total}; the JSON twin holds them all."
