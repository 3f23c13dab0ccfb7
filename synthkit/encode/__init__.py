"""Table <-> integer codes: the only view of a table that generators get.

In: a conformed table, its schema, the privacy unit of each row, and a noise level. Out: a `Codec`
(holds no row), the `Codes` of all rows, and the noisy one-way tables it was built from.

The accounting rests on this order of steps:

0. Columns whose domain the schema does not declare public get one from noisy counts (`domains`),
   before any of the following; to what follows it is as good as public.
1. The schema alone gives each encoded column a public fine grid of cells (`grid`, one plugin per
   group of kinds: `categorical`, `numeric`, `temporal`).
   Values of numbers and times that many rows share get a cell each: their noisy counts reached a
   threshold, one `ThresholdedTables` event (`spikes`). How round the numbers between them are is
   counted under noise, one `NoisyTables` event (`roundness`).
2. One secretly chosen row per privacy unit is counted into the grid of every column and discrete
   Gaussian noise is added to every cell: one `NoisyTables` event of `n_tables(schema)` tables,
   in each of which a unit changes exactly one cell by exactly one (`fitting`).
3. Everything else reads those noisy counts only, so it is post-processing and free of charge:
   projection onto the simplex (`projection`), merging of cells into codes (`merging`), decoding.

Sources: post-processing, Dwork and Roth, The Algorithmic Foundations of Differential Privacy
(2014), proposition 2.1; discrete Gaussian, Canonne, Kamath and Steinke (2020), arXiv:2004.00010.
"""

from synthkit.encode.codec import Codec, ColumnCodec, codec_from_dict
from synthkit.encode.fitting import Fitted, fit, n_tables
from synthkit.encode.within import Condition, Within

NOT_PLUGINS = (
    "codec",
    "endings",
    "fitting",
    "halves",
    "kinds",
    "ladder",
    "leveling",
    "line",
    "merging",
    "ordered",
    "parts",
    "projection",
    "reading",
    "roundness",
    "shares",
    "slopes",
    "smoothing",
    "spikes",
    "subcells",
    "tails",
    "within",
)
"""Files of this room that are not codecs; `domains` is a package, and none either."""

__all__ = [
    "Codec",
    "ColumnCodec",
    "Condition",
    "Fitted",
    "Within",
    "codec_from_dict",
    "fit",
    "n_tables",
]
