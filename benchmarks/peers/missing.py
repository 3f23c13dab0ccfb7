"""Missing cells for peers that know none: a category of their own, or an indicator column."""

from __future__ import annotations

from typing import Any

from benchmarks.peers.job import Job

MISSING = "<missing>"
SUFFIX = "_missing"


def without_missing(job: Job, *, fill: str) -> tuple[Any, list[str]]:
    """Returns train without missing cells, and its columns that are categories.

    A category that may be missing gets the further value `<missing>`; a number that may be missing
    gets a column beside it that says yes or no.

    Args:
        job: The task.
        fill: What stands in for a missing number: `middle` of the public bounds, or the `mean` of
            the others (a look at the rows: for peers without privacy).
    """
    frame = job.train.copy()
    categories = job.names("category")
    for column in job.columns:
        name = column["name"]
        if column["kind"] == "category":
            frame[name] = frame[name].astype(object).where(frame[name].notna(), MISSING)
        elif column["nullable"]:
            frame[name + SUFFIX] = frame[name].isna().map({True: "yes", False: "no"})
            stand_in = sum(column["bounds"]) / 2 if fill == "middle" else frame[name].mean()
            frame[name] = frame[name].fillna(stand_in)
            categories.append(name + SUFFIX)
    return frame, categories


def with_missing(job: Job, frame: Any) -> Any:
    """Returns a synthetic frame with missing cells in place of what stood for them."""
    frame = frame.copy()
    for column in job.columns:
        name = column["name"]
        if column["kind"] == "category":
            frame[name] = frame[name].astype(object).where(frame[name] != MISSING, None)
        elif column["nullable"]:
            frame[name] = frame[name].astype(float).mask(frame[name + SUFFIX] == "yes")
    return frame[[c["name"] for c in job.columns]]
