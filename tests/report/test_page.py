"""The page: self-contained, accessible, escaped, whole with missing parts, bound to its verdict."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import re
from collections.abc import Callable

import pytest

from synthkit.artifacts import AssociationFigure, Decision, Evidence
from synthkit.canonical import canonical_json, read_json
from synthkit.errors import InputError, IntegrityError
from synthkit.report import SCHEMA_VERSION, render, to_json
from synthkit.report.page import SECTIONS
from tests.report import parts, samples
from tests.report.reading import Page, holes, page_of

Made = tuple[Evidence, Decision]
ALL: dict[str, Callable[[], Made]] = {
    "pass": samples.reviews_pass,
    "refused": samples.patients_refused,
    "inconclusive": samples.outside_inconclusive,
}


@pytest.fixture(params=ALL, name="page")
def any_page(request: pytest.FixtureRequest) -> Page:
    return Page(render(*ALL[request.param]()))


def expected_sections(page: Page) -> list[str]:
    """All sections; that on the audit only where one was made."""
    has_audit = "canaries" in page.visible
    return [key for key, _ in SECTIONS if key != "audit" or has_audit]


def outside_references(html: str) -> list[str]:
    """Every attribute or style that would make a browser ask for something."""
    found = [
        f"{k}={v}"
        for _, attributes in Page(html).tags
        for k, v in attributes.items()
        if k in ("src", "href", "srcset", "action", "data", "poster", "xlink:href")
        and not v.startswith("#")
        and v != "data:,"
    ]
    styles = "".join(re.findall(r"<style>(.*?)</style>", html, re.DOTALL))
    styles += "".join(re.findall(r'style="([^"]*)"', html))
    return found + re.findall(r"url\([^)]*\)|@import[^;]*", styles)


class TestSelfContained:
    def test_nothing_is_fetched(self, page: Page) -> None:
        assert outside_references(page.html) == []

    @pytest.mark.parametrize(
        "planted",
        [
            '<img src="https://example.org/a.png">',
            '<a href="http://example.org">x</a>',
            "<style>a { background: url(//example.org/a.png) }</style>",
            "<style>@import 'a.css';</style>",
        ],
    )
    def test_a_planted_reference_is_found(self, planted: str) -> None:
        assert len(outside_references(planted)) == 1

    def test_no_script_and_no_handler(self, page: Page) -> None:
        assert page.all("script") == []
        assert not [k for _, a in page.tags for k in a if k.startswith("on")]

    def test_the_policy_forbids_everything_but_inline_style(self, page: Page) -> None:
        policies = [
            m["content"]
            for m in page.all("meta")
            if m.get("http-equiv") == "Content-Security-Policy"
        ]
        assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


class TestAccessible:
    def test_every_tag_is_closed_in_order(self, page: Page) -> None:
        assert page.broken == []

    def test_a_broken_page_is_noticed(self) -> None:
        assert Page("<div><p>x</div>").broken

    def test_headings_descend_one_level_at_a_time(self, page: Page) -> None:
        levels = page.headings
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(b - a <= 1 for a, b in itertools.pairwise(levels))

    def test_the_language_is_named(self, page: Page) -> None:
        assert page.all("html") == [{"lang": "en"}]

    def test_table_headers_have_a_scope_and_tables_a_caption(self, page: Page) -> None:
        headers = page.all("th")
        assert headers
        assert {h.get("scope") for h in headers} == {"col", "row"}
        assert len(page.all("table")) == len(page.all("caption"))

    def test_every_drawing_is_named_and_described_or_hidden(self, page: Page) -> None:
        ids = set(page.ids)
        drawings = page.all("svg")
        assert drawings
        for attributes in drawings:
            if attributes.get("aria-hidden") == "true":
                continue
            assert attributes["role"] == "img"
            named = attributes["aria-labelledby"].split()
            assert len(named) == 2
            assert set(named) <= ids

    def test_ids_are_unique(self, page: Page) -> None:
        assert len(page.ids) == len(set(page.ids))

    def test_sections_have_fixed_ids_in_fixed_order(self, page: Page) -> None:
        assert [s["id"] for s in page.all("section")] == expected_sections(page)

    def test_the_navigation_reaches_every_section(self, page: Page) -> None:
        targets = {a["href"].removeprefix("#") for a in page.all("a")}
        assert targets <= set(page.ids)
        assert set(expected_sections(page)) <= targets


class TestFirstScreen:
    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("pass", "Verdict: May be given to the partner"),
            ("refused", "Verdict: Must not be released"),
            ("inconclusive", "Verdict: Not decided: must not be released yet"),
        ],
    )
    def test_the_verdict_stands_in_words(self, name: str, words: str) -> None:
        assert words in Page(render(*ALL[name]())).visible

    def test_it_answers_what_for_whom_why_and_until_when(self) -> None:
        screen = first_screen(render(*samples.reviews_pass()))
        for answer in (
            "Customer reviews 2026",
            "20,000 rows, 15 columns",
            "rel-2026-11-20-8c1f03ab",
            "partner: Nordwind Logistics",
            "Training of a rating model",
            "the five numbers that decide",
            "20 November 2027",
            "Internal edition: evaluation figures are computed on real rows and are not covered "
            "by epsilon",
            "A retry of an interrupted fit was charged too",
        ):
            assert answer in screen

    def test_a_refusal_shows_the_failed_rules_first(self) -> None:
        screen = first_screen(render(*samples.patients_refused()))
        assert "Up to 4.54% of the synthetic rows" in screen
        assert "And 1 further rule" in screen
        assert screen.index("the rules that decided") < screen.index("The five numbers")

    def test_long_texts_are_cut_on_it_and_stand_in_full_below(self) -> None:
        evidence = samples.bare(
            name="n" * 2000,
            purpose="p" * 2000,
            warnings=tuple(f"{i} " + "w" * 500 for i in "abcdefgh"),
        )
        html = page_of(evidence).html
        assert len(first_screen(html)) < 4000
        assert "And 2 further warnings" in first_screen(html)
        assert html.count("w" * 500) == 8

    def test_an_attack_beyond_the_ceiling_is_a_warning(self) -> None:
        evidence, _ = samples.reviews_pass()
        found = dict(evidence.measurements)
        name = "attacks.membership_inference"
        assert "fault of the implementation" not in render(*samples.reviews_pass())
        found[name] = dataclasses.replace(found[name], value=0.9, low=0.88, high=0.92)
        evidence = dataclasses.replace(evidence, measurements=found)
        assert "fault of the implementation" in first_screen(
            render(evidence, samples.decide(evidence, "refused", ()))
        )


def first_screen(html: str) -> str:
    return Page(html.partition("</header>")[0] + "</header></body></html>").visible


class TestBound:
    def test_the_same_input_gives_the_same_bytes(self) -> None:
        assert render(*samples.patients_refused()) == render(*samples.patients_refused())

    def test_evidence_read_back_from_json_gives_the_same_page(self) -> None:
        evidence, decision = samples.reviews_pass()
        again = read_json(Evidence, canonical_json(evidence))
        assert render(again, decision) == render(evidence, decision)

    @pytest.mark.parametrize("write", [render, to_json])
    def test_a_verdict_on_other_evidence_is_refused(
        self, write: Callable[[Evidence, Decision], object]
    ) -> None:
        evidence, decision = samples.reviews_pass()
        other = dataclasses.replace(evidence, rows_synthetic=20_001)
        with pytest.raises(IntegrityError, match="other evidence"):
            write(other, decision)

    def test_the_json_twin_holds_both_and_its_schema(self) -> None:
        evidence, decision = samples.reviews_pass()
        twin = json.loads(to_json(evidence, decision))
        assert twin["schema"] == SCHEMA_VERSION
        assert read_json(Evidence, json.dumps(twin["evidence"])) == evidence
        assert read_json(Decision, json.dumps(twin["decision"])) == decision

    def test_evidence_with_nan_shows_a_page_without_nan_and_has_no_twin(self) -> None:
        base, _ = samples.reviews_pass()
        found = dict(base.measurements)
        for name in found:
            found[name] = dataclasses.replace(
                found[name], value=math.nan, low=math.nan, high=math.inf, reference=math.nan
            )
        assert base.privacy is not None
        bad = dataclasses.replace(base.marginals[0], tvd=math.nan, synthetic=(math.nan,) * 2)
        square = ((0.0, math.nan), (math.nan, 0.0))
        evidence = dataclasses.replace(
            base,
            measurements=found,
            marginals=(bad,),
            associations=AssociationFigure(columns=("a", "b"), synthetic=square, holdout=square),
            privacy=dataclasses.replace(
                base.privacy, epsilon=math.nan, mu=math.nan, population_epsilon=math.inf
            ),
        )
        decision = dataclasses.replace(
            samples.decide(samples.bare(), "inconclusive", ()), evidence_sha256=""
        )
        page = Page(render(evidence, decision))
        assert holes(page) == []
        assert "not measured" in page.visible
        with pytest.raises(InputError, match="not finite"):
            to_json(evidence, decision)
        with pytest.raises(IntegrityError):
            render(evidence, dataclasses.replace(decision, verdict="pass"))


class TestWhole:
    def test_no_hole_is_printed(self, page: Page) -> None:
        assert holes(page) == []

    @pytest.mark.parametrize("planted", ["<p>None</p>", '<path d="M nan 0"/>'])
    def test_a_planted_hole_is_found(self, planted: str) -> None:
        assert holes(Page(planted)) != []

    @pytest.mark.parametrize(
        ("part", "empty", "sentence"),
        [
            ("privacy", None, "No privacy statement came with this table"),
            ("marginals", (), "no single-column shares to draw"),
            ("associations", None, "no pair associations to draw"),
            ("validity", None, "not checked against its schema"),
            ("dictionary", (), "No data dictionary came with the evidence"),
            ("omissions", (), "No column is listed as left out"),
            ("provenance", None, "No provenance came with the evidence"),
            ("created", None, "date not stated"),
            ("purpose", "", "not stated"),
            ("subject_sha256", "", "no file was bound"),
            ("measurements", {}, "not measured"),
        ],
    )
    def test_a_missing_part_is_said_to_be_missing(
        self, part: str, empty: object, sentence: str
    ) -> None:
        base, _ = samples.reviews_pass()
        evidence = dataclasses.replace(base, **{part: empty})
        page = page_of(evidence)
        assert sentence in page.visible
        assert holes(page) == []
        assert page.broken == []
        assert part in ("purpose", "measurements") or sentence not in page_of(base).visible

    def test_the_least_evidence_makes_a_page(self) -> None:
        page = page_of(samples.bare())
        assert page.broken == []
        assert holes(page) == []
        assert "The policy has no rule, so nothing was decided." in page.visible

    def test_one_column_makes_a_page(self) -> None:
        evidence = samples.bare(
            marginals=parts.figures(("only",), 0.02),
            associations=AssociationFigure(
                columns=("only",), synthetic=((0.0,),), holdout=((0.0,),)
            ),
            dictionary=parts.dictionary(("only",)),
            validity=parts.validity(("only",)),
        )
        page = page_of(evidence)
        assert "a single column has none" in page.visible
        assert page.broken == []

    def test_the_word_anonymous_is_never_claimed(self, page: Page) -> None:
        assert "anonym" not in page.visible.lower()
