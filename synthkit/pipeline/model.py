"""A fitted model: codec, generator and privacy statement; samples tables, saves without any row."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthkit import artifacts
from synthkit.artifacts import PrivacyStatement
from synthkit.errors import InputError, IntegrityError
from synthkit.schema import Column, Schema
from synthkit.schema.model import CATEGORY_KINDS

if TYPE_CHECKING:
    import polars as pl

MODEL_FORMAT = "model/1"
CHUNK_ROWS = 100_000
MAX_ROWS_PER_ACCEPTED_ROW = 2_000
"""Sampling `where` gives up when fewer rows than one in this many satisfy the condition."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """What `fit` returns. Holds no row of the real table."""

    schema: Schema
    generator: str
    codec: Any
    inner: Any
    """The generator's own model: codes in, codes out."""
    units: float
    """Number of privacy units as measured (with noise, for private generators)."""
    privacy: PrivacyStatement

    def sample(
        self, n: int, *, seed: int | None = None, where: Mapping[str, object] | None = None
    ) -> pl.DataFrame:
        """Draws `n` synthetic rows.

        Args:
            n: Number of rows, at least 1.
            seed: Public randomness; None draws a fresh seed.
            where: Column -> value; only rows with these values are returned.

        Returns:
            A frame with the schema's encoded columns, shape (n, n_columns).

        Raises:
            InputError: On a bad `n`, an unknown column or value, or a condition with next to no
                mass under the model.
        """
        import polars as pl

        return pl.concat(list(self.sample_chunks(n, seed=seed, where=where)))

    def sample_chunks(
        self, n: int, *, seed: int | None = None, where: Mapping[str, object] | None = None
    ) -> Iterator[pl.DataFrame]:
        """Yields frames of at most `CHUNK_ROWS` rows that add up to `n`; see `sample`."""
        import numpy as np

        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise InputError(
                "The number of rows must be a whole number of at least 1.",
                hint="Ask for as many rows as you need, for example 10000.",
            )
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or seed < 0):
            raise InputError(
                "The seed must be a whole number of at least 0.", hint="Or leave it out."
            )
        conditions = [
            (name, parse_value(self._column(name), str(value)))
            for name, value in (where or {}).items()
        ]
        rng = np.random.default_rng(seed)
        wanted, drawn, accepted = n, 0, 0
        while wanted > 0:
            # Unconditional sampling draws exactly what is left; with a condition, enough rows for
            # the share accepted so far, so that a rare condition costs few rounds.
            size = min(CHUNK_ROWS, wanted)
            if conditions:
                share = max(accepted, 1) / max(drawn, 1) if drawn else 1.0
                size = int(min(CHUNK_ROWS, max(wanted / share * 1.1, 1_000)))
            frame = self.codec.decode(self.inner.sample(size, rng), rng)
            drawn += size
            if conditions:
                import polars as pl

                frame = frame.filter(*[pl.col(name) == value for name, value in conditions])
                accepted += frame.height
                if drawn >= 50_000 and accepted * MAX_ROWS_PER_ACCEPTED_ROW < drawn:
                    raise InputError(
                        f"The condition has next to no mass: {accepted:,} of {drawn:,} sampled "
                        "rows satisfy it.",
                        hint="Loosen the condition; rows made to order from nothing would not "
                        "follow the model.",
                    )
            frame = frame.head(wanted)
            wanted -= frame.height
            if frame.height:
                yield frame

    def _column(self, name: str) -> Column:
        for column in self.schema.encoded:
            if column.name == name:
                return column
        raise InputError(
            f"The model has no column named {name!r}.",
            hint="Its columns: " + ", ".join(c.name for c in self.schema.encoded) + ".",
        )

    def save(self, path: str | Path) -> None:
        """Writes the model as one safetensors file with a JSON header; whole file or none.

        Raises:
            PublishError: If the file cannot be written.
        """
        from synthkit.generate import storage
        from synthkit.schema import dump

        storage.save(
            Path(path),
            self.inner.arrays(),
            {
                "synthkit": MODEL_FORMAT,
                "generator": self.generator,
                "schema": dump(without_unlearned_domains(self.schema)),
                "codec": self.codec.to_dict(),
                "description": self.inner.description(),
                "units": self.units,
                "privacy": artifacts.to_plain(self.privacy),
            },
        )

    @staticmethod
    def load(path: str | Path) -> Model:
        """Reads a saved model; executes no code from the file.

        Raises:
            InputError: If there is no such file.
            IntegrityError: If the file is not a whole synthkit model.
        """
        from synthkit.encode import codec_from_dict
        from synthkit.generate import load_generator, storage
        from synthkit.schema import parse

        arrays, header = storage.load(Path(path))
        if header.get("synthkit") != MODEL_FORMAT:
            raise IntegrityError(
                f"{Path(path).name} is not a synthkit model of format {MODEL_FORMAT}.",
                hint="Use the file that `synthkit fit -o` wrote, with the version that wrote it.",
            )
        try:
            return Model(
                schema=parse(header["schema"]),
                generator=header["generator"],
                codec=codec_from_dict(header["codec"]),
                inner=load_generator(header["generator"]).load(arrays, header["description"]),
                units=float(header["units"]),
                privacy=artifacts.read_json(
                    PrivacyStatement, artifacts.canonical_json(header["privacy"])
                ),
            )
        except (KeyError, ValueError, TypeError) as error:
            raise IntegrityError(
                f"{Path(path).name} is damaged: its header does not describe a whole model.",
                hint="Use an intact copy of the file.",
            ) from error


def without_unlearned_domains(schema: Schema) -> Schema:
    """Returns the schema as model files and bundles carry it: of left-out columns, names alone.

    What it says of their cells (names in a column that is marked `role: identifier`, whether some
    are missing, words that mean missing) may have been read from the data; no release depends on
    it, and none may carry it.
    """

    def bare(column: Column) -> Column:
        if column.is_encoded:
            return column
        kind = column.kind if column.kind in ("id", "person_id", "text") else "id"
        return Column(name=column.name, kind=kind, role=column.role, description=column.description)

    return dataclasses.replace(schema, columns=tuple(bare(c) for c in schema.columns))


def parse_value(column: Column, text: str) -> object:
    """Turns `--where column=text` into a value of the column's domain.

    Raises:
        InputError: If the text is no value of the column's type, or lies outside its domain.
    """
    if column.kind in CATEGORY_KINDS:
        return _category(column, text)
    try:
        value = _number_or_time(column, text)
    except (ValueError, KeyError):
        raise InputError(
            f"{text!r} is not a value of the {column.kind} column {column.name!r}.",
            hint="Numbers as 12 or 1.5, booleans as true or false, dates as 2024-12-31.",
        ) from None
    try:
        is_inside = column.bounds is None or column.bounds[0] <= value <= column.bounds[1]
    except TypeError:  # a time with a zone, beside bounds without one
        is_inside = False
    if not is_inside:
        # The bounds may have been read from the data: they are not named.
        raise InputError(
            f"{text!r} lies outside the domain of the column {column.name!r}.",
            hint="The schema states its bounds; times are written without a zone.",
        )
    return value


def _number_or_time(column: Column, text: str) -> Any:
    match column.kind:
        case "integer":
            return int(text)
        case "float":
            return float(text)
        case "boolean":
            return {"true": True, "false": False}[text.lower()]
        case "date":
            return datetime.date.fromisoformat(text)
        case _:
            return datetime.datetime.fromisoformat(text)


def _category(column: Column, text: str) -> object:
    categories = column.categories or ()
    for category in categories:
        if str(category) == text:
            return category
    listed = ", ".join(str(c) for c in categories[:20]) + (", ..." if len(categories) > 20 else "")
    raise InputError(
        f"{text!r} is not a category of {column.name!r}.", hint=f"Its categories: {listed}."
    )
