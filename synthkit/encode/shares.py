"""How a code's draws are shared out among its cells: one unit interval per code.

In: the code of each public cell and a weight per cell. Out: draws of a cell, and of a place within
it, for each code. Numpy only; touches no row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Shares:
    """Cells in order of their code, each with the share of its code's unit interval it covers."""

    cells: np.ndarray
    """Cell at each place, shape (n_places,): cells that are never drawn have no place."""
    lower: np.ndarray
    """Left end of each place; the places of code k cover k to k + 1."""
    upper: np.ndarray
    """Right end of each place."""
    first: np.ndarray
    """First place of each code, shape (size,)."""
    last: np.ndarray
    """Last place of each code, shape (size,)."""

    @classmethod
    def of(cls, code_of_cell: np.ndarray, weights: np.ndarray) -> Shares:
        """Builds the shares from the weight of each cell, positive in sum for every code."""
        totals = np.bincount(code_of_cell, weights=weights)  # (size,)
        shares = weights / totals[code_of_cell]  # (n_cells,)
        order = np.argsort(code_of_cell, kind="stable")
        order = order[shares[order] > 0]  # (n_places,)
        codes, shares = code_of_cell[order], shares[order]
        first = np.searchsorted(codes, np.arange(totals.size), side="left")
        last = np.searchsorted(codes, np.arange(totals.size), side="right") - 1
        ends = np.cumsum(shares)
        before = np.concatenate(([0.0], ends))[first]  # (size,)
        upper = codes + (ends - before[codes])  # (n_places,)
        upper[last] = np.arange(totals.size) + 1.0
        lower = np.concatenate(([0.0], upper[:-1]))
        return cls(order, lower, upper, first, last)

    @staticmethod
    def weights(code_of_cell: np.ndarray, masses: np.ndarray, widths: np.ndarray) -> np.ndarray:
        """Returns the weight of each cell within its code, shape (n_cells,)."""
        mass_of_code = np.bincount(code_of_cell, weights=masses)  # (size,)
        # A code without any mass is drawn from evenly, so that every code decodes.
        return np.where(mass_of_code[code_of_cell] > 0, masses, widths)

    def draw(self, codes: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Returns a cell for each code and how far into the cell to go, both (n_rows,)."""
        points = rng.random(codes.size)
        points += codes
        places = np.searchsorted(self.upper, points, side="right")
        # code + draw may round up to the next code's interval.
        places = np.clip(places, self.first[codes], self.last[codes])
        low = self.lower[places]
        fraction = (points - low) / np.maximum(self.upper[places] - low, np.finfo(float).tiny)
        return self.cells[places], np.clip(fraction, 0.0, 1.0)
