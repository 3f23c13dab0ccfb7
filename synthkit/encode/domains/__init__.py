"""Domains bought within the budget, for columns whose schema does not declare them public.

In: a conformed table whose `from: data` columns were read without their written domain, its schema,
the privacy unit of each row, a noise level. Out: the same schema with bought domains, marked
`noisy`; nothing of what was written for such a column survives.

- Numbers: noisy counts on a fixed signed 1-2-5 grid; bounds are grid edges (`numbers`).
- Dates and times: noisy counts of months from 1800 to 2199; bounds are ends of months (`months`).
- Categories: noisy counts of the values that occur, told only above a threshold (`names`).
- Decimals and missing cells: noisy counts of fixed cells.

One secretly chosen row per privacy unit is counted, so a unit changes at most one cell of each
table by one. `events` states the price beforehand, `buy` takes the look, `mapped` brings real rows
inside the bought domains, each by itself. Everything after the noisy counts is post-processing.
Which cells count as occupied is a matter of utility alone: no delta is spent on it.
"""

from synthkit.encode.domains.mapping import mapped
from synthkit.encode.domains.names import OTHER
from synthkit.encode.domains.purchase import CATEGORIES, THRESHOLD_SHARE, buy, events

__all__ = ["CATEGORIES", "OTHER", "THRESHOLD_SHARE", "buy", "events", "mapped"]
