"""The synthetic table as the pandas frame that the suite is written for.

Great Expectations takes no polars frame. Pandas' nullable dtypes keep what plain ones lose:
integers stay integers beside nulls, and NaN stays apart from null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


def to_pandas(table: pl.DataFrame) -> pd.DataFrame:
    """Turns a synthetic table into the frame that a suite can check.

    A column of a type that no kind of column has (Int32, Categorical, Duration ...) becomes a
    stand-in of empty bytes, which fails every check of type: Great Expectations cannot even load
    some of them.

    Args:
        table: Synthetic rows, shape (n_rows, n_columns).
    """
    import pandas as pd

    return pd.DataFrame({column.name: _series(column) for column in table.get_columns()})


def _series(column: pl.Series) -> Any:
    """Converts one column."""
    import pandas as pd
    import polars as pl

    nullable: dict[Any, Any] = {
        pl.Int64: pd.Int64Dtype(),
        pl.Float64: pd.Float64Dtype(),
        pl.Boolean: pd.BooleanDtype(),
        pl.String: pd.StringDtype(storage="python"),
    }
    kind = column.dtype
    if kind in nullable:
        arrow = column.to_arrow()
        if kind == pl.String:
            arrow = arrow.cast("string")
        return pd.Series(nullable[kind].__from_arrow__(arrow))
    if kind == pl.Date or kind == pl.Datetime("us"):
        return column.cast(pl.Datetime("us")).to_pandas()
    stand_in = [None if is_null else b"" for is_null in column.is_null()]
    return pd.Series(stand_in, dtype=object)
