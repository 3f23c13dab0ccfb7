"""The audit in the report and on its own page: words for each verdict, numbers, bounds drawn."""

from __future__ import annotations

import dataclasses
import json
import math
import re

import pytest

from synthkit.artifacts import Audit, AuditBound, AuditCheck, Decision, Evidence
from synthkit.canonical import read_json
from synthkit.evaluate.audit import judge
from synthkit.report import AUDIT_WORDS, render, render_audit, to_json
from synthkit.report.figures.bounds import Lane, bounds
from synthkit.report.sections import audit as section
from tests.report import samples
from tests.report.reading import Page, holes
from tests.report.test_page import outside_references


def judged(**fields: object) -> Audit:
    """An audit with the verdict and reasons that `judge` gives it."""
    found = samples.audit(**fields)  # type: ignore[arg-type]
    verdict, reasons = judge(found.claim_epsilon, found.bounds, found.checks)
    return dataclasses.replace(found, verdict=verdict, reasons=reasons)


FAILED = AuditCheck(
    layer="replay", name="one person less", outcome="fail", reason="The tables moved by 3.00."
)
AUDITS = {
    "pass": judged(),
    "refused": judged(free=1.49, fit=8.04, checks=(FAILED,)),
    "inconclusive": judged(free=0.0, fit=0.1, checks=()),
}


def with_audit(found: Audit | None, digest: str = "5e" * 32) -> tuple[Evidence, Decision]:
    evidence, _ = samples.reviews_pass()
    evidence = dataclasses.replace(evidence, audit=found, audit_plan_sha256=digest)
    return evidence, samples.decide(evidence, "pass", samples.PASSED)


@pytest.mark.parametrize("verdict", AUDITS)
class TestItsOwnPage:
    def test_it_says_the_verdict_the_bounds_and_the_claim(self, verdict: str) -> None:
        found = AUDITS[verdict]
        page = Page(render_audit(found))
        assert found.verdict == verdict
        assert AUDIT_WORDS[found.verdict] in page.visible
        for number in ("0.999", "95%", "5.42", "1,000 made-up people", "507"):
            assert number in page.visible
        assert all(r in page.visible for r in found.reasons)

    def test_it_is_whole_and_fetches_nothing(self, verdict: str) -> None:
        page = Page(render_audit(AUDITS[verdict]))
        assert page.broken == []
        assert outside_references(page.html) == []
        assert page.all("script") == []
        assert len(page.ids) == len(set(page.ids))
        assert page.headings == [1, 2]
        assert holes(page) == []


def test_a_weak_audit_is_never_called_safe() -> None:
    words = Page(render_audit(AUDITS["inconclusive"])).visible
    assert "no sign of safety" in words
    assert "Nothing found by an audit that would have seen" not in words


def test_the_report_prints_the_audit_as_a_section_of_its_own() -> None:
    page = Page(render(*with_audit(AUDITS["pass"])))
    assert "Empirical audit" in page.visible
    assert "No audit was made" not in page.visible
    assert "another way of making" not in page.visible


def test_without_an_audit_the_privacy_statement_says_so_and_names_the_command() -> None:
    page = Page(render(*with_audit(None)))
    assert "audit" not in [s["id"] for s in page.all("section")]
    assert "No audit was made" in page.visible
    assert "synthkit audit PLAN" in page.visible


@pytest.mark.parametrize("digest", ["", "77" * 32])
def test_an_audit_of_another_release_is_said_to_be_none_of_this_one(digest: str) -> None:
    assert (
        "says nothing of this release" in Page(render(*with_audit(AUDITS["pass"], digest))).visible
    )


def test_failed_checks_come_first() -> None:
    page = Page(render_audit(judged(checks=(*AUDITS["pass"].checks, FAILED))))
    places = [page.visible.index(c) for c in ("one person less", "one person more")]
    assert places == sorted(places)


def test_the_twin_holds_the_whole_audit() -> None:
    twin = json.loads(to_json(*with_audit(AUDITS["refused"])))
    again = read_json(Audit, json.dumps(twin["evidence"]["audit"]))
    assert again == AUDITS["refused"]


def test_foreign_text_is_escaped() -> None:
    found = samples.audit(name="<b>x</b>", options={"<i>": "<script>"}, reasons=("<u>",))
    page = Page(render_audit(found))
    assert page.all("script") == page.all("b") == page.all("i") == page.all("u") == []


def test_bounds_that_are_no_numbers_leave_the_page_whole() -> None:
    bound = AuditBound(name="gaussian_fit", epsilon=math.nan, delta=1e-6, confidence=0.95)
    for found in (samples.audit(bounds=(bound,)), samples.audit(bounds=(), checks=())):
        assert Page(render_audit(found)).broken == []
    assert section.content(samples.audit(claim_epsilon=math.nan))["figure"] is None


def test_points_stand_in_the_order_of_their_bounds_and_inside_the_drawing() -> None:
    lanes = [Lane(name=n, epsilon=e, weak=0.3) for n, e in (("a", 0.2), ("b", 1.2), ("c", 500))]
    drawing = bounds("k", lanes, claim=1.0)
    points = [float(x) for x in re.findall(r'class="point" cx="([\d.]+)"', drawing)]
    (claim,) = (float(x) for x in re.findall(r'class="ceiling" x1="([\d.]+)"', drawing))
    assert points == sorted(points)
    assert points[0] < claim < points[1]
    assert max(points) <= 632
    assert "beyond 4.00" in drawing
