"""A fitted model: codec, generator and privacy statement; samples tables, saves without any row."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthkit import canonical
from synthkit.artifacts import PrivacyStatement
from synthkit.errors import IntegrityError
from synthkit.schema import Column, Schema

if TYPE_CHECKING:
    import polars as pl

    from synthkit.pipeline.completing import Completion
    from synthkit.pipeline.drawing import Drawing
    from synthkit.pipeline.progress import Progress
    from synthkit.pipeline.segmenting import Segment

MODEL_FORMAT = "model/1"


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
        self,
        n: int,
        *,
        seed: int | None = None,
        where: Mapping[str, object] | None = None,
        balance: Mapping[str, object] | None = None,
    ) -> pl.DataFrame:
        """Draws `n` synthetic rows; every one obeys the schema's rules (`constraints`).

        Example:
            >>> model.sample(1_000, where={"age": (65, None), "sex": "F"})  # doctest: +SKIP
            >>> model.sample(1_000, balance={"rating": "uniform"})          # doctest: +SKIP
            >>> model.sample(1_000, balance={"disease": {"yes": 0.2}})      # doctest: +SKIP

        Args:
            n: Number of rows, at least 1.
            seed: Public randomness; None draws a fresh seed.
            where: Column -> what all rows satisfy: a value, a range (low, high) with None for an
                open end (also of an ordinal column), a list of categories, or None for missing.
                `segment` takes the number of a segment (see `segments`). Rows follow the model's
                conditional distribution.
            balance: One column -> `uniform`, or a share for some of its categories (the others
                share what is left as the model has them). Shares are exact up to whole rows;
                within a category the rows follow the model.

        Returns:
            A frame with the schema's encoded columns, shape (n, n_columns).

        Raises:
            InputError: On a bad `n`, an unknown column or value, or a condition with next to no
                mass under the model.
        """
        return self.draw(n, seed=seed, where=where, balance=balance).table()

    def sample_chunks(
        self,
        n: int,
        *,
        seed: int | None = None,
        where: Mapping[str, object] | None = None,
        balance: Mapping[str, object] | None = None,
    ) -> Iterator[pl.DataFrame]:
        """Yields frames of at most 100,000 rows that add up to `n`; see `sample`."""
        return self.draw(n, seed=seed, where=where, balance=balance).chunks()

    def draw(
        self,
        n: int,
        *,
        seed: int | None = None,
        where: Mapping[str, object] | None = None,
        balance: Mapping[str, object] | None = None,
    ) -> Drawing:
        """Prepares rows as `sample` draws them; tells on how many latents conditions rest.

        Returns:
            A drawing: `parts` with the support of each condition, `chunks()` with the rows.
        """
        from synthkit.pipeline.drawing import draw

        return draw(self, n, seed=seed, where=where, balance=balance)

    def complete(
        self,
        table: pl.DataFrame,
        *,
        seed: int | None = None,
        progress: Progress | None = None,
    ) -> Completion:
        """Fills the missing cells of partial rows, each from the posterior of its own row.

        The model is only post-processed, but the rows given may be real: a completed real row
        releases that row's own cells, and no epsilon covers them.

        Args:
            table: Raw or conformed frame with any of the model's columns. An empty cell is taken
                to be unknown and is filled with a value, never with missing; a column that is
                left out is drawn as the model has it.
            seed: Public randomness; other seeds give other completions (multiple imputation).
            progress: Receives how many rows are done.

        Returns:
            The completed rows, with the model's columns in order, and on how many latents each
            rests.

        Raises:
            InputError: If a column is unknown, values lie outside the model's domain, or the
                generator is no mixture.
        """
        from synthkit.pipeline.completing import complete

        return complete(self, table, seed=seed, progress=progress)

    def segments(self, count: int = 8) -> tuple[Segment, ...]:
        """Lists groups of alike rows that the model has: shares and what sets each apart.

        Derived from the model alone, so free of charge; a function of the model and `count`.

        Args:
            count: Number of segments, 2 to 50.

        Raises:
            InputError: If the generator has no latents to group.
        """
        from synthkit.pipeline.segmenting import segments

        return segments(self, count)

    def save(self, path: str | Path, *, replace: bool = False) -> None:
        """Writes the model as one safetensors file with a JSON header; whole file or none.

        Args:
            path: The file.
            replace: Whether a file of that name may be replaced: another model there has cost
                budget that no one gives back.

        Raises:
            PublishError: If the file cannot be written, or exists and may not be replaced.
        """
        from synthkit.generate import storage
        from synthkit.schema import dump
        from synthkit.whole_file import require_replaceable

        require_replaceable(Path(path), replace=replace)
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
                "privacy": canonical.to_plain(self.privacy),
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
                privacy=canonical.read_json(
                    PrivacyStatement, canonical.canonical_json(header["privacy"])
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
