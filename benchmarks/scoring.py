"""What a synthetic table is worth: distances of small tables, and models trained on it.

Bins are those of the evaluation (20 quantiles of real train per numeric column, a spike in a bin of
its own; a bin for missing cells). TSTR: LightGBM trained on synthetic rows and tested on the real
holdout, mean over the schema's targets (`synthkit.evaluate.utility.tstr`: AUC, or R2 for numbers).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.distances import mean_distances

if TYPE_CHECKING:
    import polars as pl

    from benchmarks.tables import Development


def scores(
    table: Development, synthetic: pl.DataFrame, *, sdmetrics: bool = False
) -> dict[str, float]:
    """Returns tvd1, tvd2, tvd3, tstr, trtr and, if asked for, SDMetrics' quality.

    Args:
        table: Real train and holdout.
        synthetic: Shape (n_rows, n_encoded_columns).
        sdmetrics: Whether to run the slow report too.
    """
    from synthkit.evaluate.context import build_context
    from synthkit.evaluate.fidelity import sdmetrics_quality
    from synthkit.evaluate.utility import tstr

    context = build_context(table.train, table.holdout, synthetic, table.schema, seed=0)
    found = mean_distances(context.train.codes, context.synthetic.codes, context.sizes)
    measured = list(tstr.measure(context)) if table.schema.targets else []
    for kind in ("tstr", "trtr"):
        values = [m.value for m in measured if m.name.startswith(f"utility.{kind}.")]
        known = [v for v in values if v is not None]
        if known:
            found[kind] = sum(known) / len(known)
    if sdmetrics:
        quality = {m.name: m.value for m in sdmetrics_quality.measure(context)}
        value = quality["fidelity.sdmetrics_quality"]
        if value is not None:
            found["sdmetrics"] = value
    return found
