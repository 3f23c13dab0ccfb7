"""The page under stress: hostile names, wide tables, many checks, many categories."""

from __future__ import annotations

import dataclasses
import datetime

import pytest

from synthkit.artifacts import (
    AssociationFigure,
    Evidence,
    ExpectationResult,
    MarginalFigure,
    Omission,
    Validity,
)
from synthkit.report import render
from synthkit.report.wording import clean
from tests.report import parts, samples
from tests.report.reading import Page, holes, page_of

NASTY = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"


class TestEscaping:
    @pytest.mark.parametrize(
        "name",
        [
            NASTY,
            "a\"b'c&d",
            "x" * 3000,
            "Größe 名前 🙂 ñ",
            "שם הלקוח العمر",
            "=cmd|'/c calc'!A1",
            "",
        ],
        ids=["script", "quotes", "long", "unicode", "rtl", "formula", "empty"],
    )
    def test_a_hostile_name_changes_no_tag(self, name: str) -> None:
        plain = page_of(hostile("plain"))
        page = page_of(hostile(name))
        assert page.broken == []
        assert holes(page) == []
        assert page.all("script") == page.all("img") == []
        assert [t for t, _ in page.tags if t in ("section", "svg", "table", "tr", "td", "th")] == [
            t for t, _ in plain.tags if t in ("section", "svg", "table", "tr", "td", "th")
        ]
        assert not [k for _, a in page.tags for k in a if k.startswith("on")]

    def test_control_and_direction_characters_are_replaced(self) -> None:
        html = render_hostile("evil\u202egnp.exe\x00\x1b[31m\ud800")
        assert not set("\u202e\x00\x1b\ud800") & set(html)
        html.encode("utf-8")

    def test_a_name_that_looks_like_markup_is_still_readable(self) -> None:
        assert "<script>alert" in page_of(hostile(NASTY)).visible


def hostile(name: str) -> Evidence:
    """Evidence in which every foreign text is `name`."""
    base, _ = samples.reviews_pass()
    privacy = parts.statement((name, "b", "c"), from_data=2)
    texts = {
        f.name: name
        for f in dataclasses.fields(privacy)
        if isinstance(getattr(privacy, f.name), str) and f.name != "unit"
    }
    event = dataclasses.replace(
        privacy.events[0], name=name, mechanism=name, note=name, parameters={name: name}
    )
    measured = parts.measure(f"utility.tstr.{name}", 0.7, around=0.01, note=name)
    square = ((0.0, 0.1), (0.1, 0.0))
    assert base.provenance is not None
    return samples.bare(
        name=name,
        purpose=name,
        recipient=name,
        release_id=name,
        subject_sha256=name,
        warnings=(name,),
        created=datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
        measurements={measured.name: measured},
        marginals=tuple(
            dataclasses.replace(
                parts.marginal("c", 1, bins, 0.01), column=name, labels=(name,) * bins
            )
            for bins in (3, 12)
        ),
        associations=AssociationFigure(columns=(name, name), synthetic=square, holdout=square),
        privacy=dataclasses.replace(privacy, events=(event,), cross_check={name: 1.0}, **texts),
        validity=Validity(
            results=(
                ExpectationResult(
                    rule=name,
                    expectation=name or "expect_x",
                    column=name,
                    outcome="fail",
                    unexpected_share=0.5,
                    rows=1,
                    note=name,
                ),
            ),
            rows=1,
            library=name,
        ),
        dictionary=({"column": name, "kind": name, "domain": name, "treatment": name},),
        omissions=(Omission(column=name, reason=name),),
        provenance=dataclasses.replace(
            base.provenance, source_name=name, split=name, device=name, versions={name: name}
        ),
    )


def render_hostile(name: str) -> str:
    """Renders a text that has no UTF-8 form, which no digest can bind."""
    evidence = samples.bare(name="release", warnings=(name.replace("\ud800", ""),))
    html = render(evidence, samples.decide(evidence, "inconclusive", ()))
    return html + clean(name)


class TestSize:
    def test_15_columns_stay_below_300_kilobytes(self) -> None:
        assert len(render(*samples.reviews_pass()).encode()) < 300_000

    def test_50_columns_stay_below_1200_kilobytes(self) -> None:
        evidence, _ = samples.patients_refused(50)
        busy = tuple(parts.marginal(c, i, 60, 0.02) for i, c in enumerate(samples.wide(50)))
        evidence = dataclasses.replace(evidence, marginals=busy)
        assert len(page_of(evidence).html.encode()) < 1_200_000

    def test_60_columns_make_a_whole_page(self) -> None:
        page = Page(render(*samples.patients_refused(60)))
        assert page.broken == []
        assert len(page.all("svg")) > 60

    def test_500_checks_collapse_and_failures_stay_open(self) -> None:
        columns = samples.wide(170)
        evidence = samples.bare(validity=parts.validity(columns, failed=4, unanswered=3))
        html = page_of(evidence).html
        section = html.partition('<section id="validity"')[2].partition("</section>")[0]
        before, _, folded = section.partition("<details>")
        assert "511 checks" in Page(section).visible
        assert before.count("Fail</span>") == 4
        assert before.count("Inconclusive</span>") == 3
        assert folded.count("<tr") <= 172
        assert len(section) < 100_000

    def test_a_column_of_1000_categories_stays_small(self) -> None:
        shares = parts.bell(1000)
        figure = MarginalFigure(
            column="code",
            labels=tuple(f"code {i}" for i in range(1000)),
            train=shares,
            holdout=shares,
            synthetic=shares,
            tvd=0.0,
        )
        small = len(page_of(samples.bare()).html)
        assert len(page_of(samples.bare(marginals=(figure,))).html) - small < 20_000
