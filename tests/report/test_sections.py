"""What the sections say: order, sentences, and the limits nobody can drop."""

from __future__ import annotations

import dataclasses

import pytest

from synthkit.artifacts import Measurement, PrivacyStatement
from synthkit.generate import dpctgan
from synthkit.privacy import theorems
from synthkit.privacy.event import NoisyGradients, NoisyTables, ThresholdedTables
from synthkit.report import key_numbers, render
from synthkit.report.sections import attacks, fidelity, privacy, utility, validity, verdict
from synthkit.report.wording import clean, limits, shorten, shorten_middle
from tests.report import parts, samples
from tests.report.reading import Page

REVIEWS, PASS = samples.reviews_pass()
PATIENTS, REFUSED = samples.patients_refused()
UNIT = "The guarantee is per privacy unit."


def section(html: str, key: str) -> str:
    part = html.partition(f'<section id="{key}"')[2].partition("</section>")[0]
    return Page(f"<div{part}</div>").visible


def privacy_of(statement: PrivacyStatement) -> str:
    evidence = dataclasses.replace(REVIEWS, privacy=statement)
    return section(render(evidence, samples.decide(evidence, "pass", ())), "privacy")


class TestVerdict:
    def test_failures_come_first(self) -> None:
        outcomes = [row[4] for row in verdict.view(PATIENTS, REFUSED)["table"].rows]
        assert outcomes == ["Fail"] * 5 + ["Pass"] * 2

    def test_an_undecided_rule_has_no_number_but_a_passed_one_may_need_none(self) -> None:
        _, undecided = samples.outside_inconclusive()
        rows = verdict.view(PATIENTS, undecided)["table"].rows
        assert rows[0][2] == "not measured"
        assert verdict.view(REVIEWS, PASS)["table"].rows[-1][2] == "no number"


class TestPrivacy:
    def test_the_guarantee_names_factor_delta_and_unit(self) -> None:
        text = section(render(REVIEWS, PASS), "privacy")
        assert "Adding or removing one person, with all rows of that person, changes" in text
        assert "a factor of 2.72" in text
        assert "delta = 1e-6" in text
        assert "noise_multiplier = 1.84, sample_rate = 0.0125, steps = 2,400" in text
        assert "Not covered, internal" in text
        assert "opacus_rdp 1.08" in text
        assert "epsilon 2.93 together, of a lifetime cap of 10" in text

    def test_recipe_and_shares_of_the_budget_are_told_where_they_are_known(self) -> None:
        assert REVIEWS.privacy is not None
        first, second, last = REVIEWS.privacy.events
        shared = dataclasses.replace(
            REVIEWS.privacy,
            recipe="A network fitted to tables.",
            events=(
                dataclasses.replace(first, share=0.1995),
                dataclasses.replace(second, share=0.8005),
                last,
            ),
        )
        text = privacy_of(shared)
        assert "Recipe A network fitted to tables." in text
        assert "tables = 15 20% Covered" in text
        assert "steps = 2,400 80% Covered" in text
        bare = section(render(REVIEWS, PASS), "privacy")
        assert "Recipe" not in bare
        assert "tables = 15 Covered" in bare

    def test_the_longest_theorem_is_not_cut(self) -> None:
        assert REVIEWS.privacy is not None
        events = (
            NoisyTables(name="t", sigma=1.0, tables=1),
            ThresholdedTables(name="n", sigma=1.0, tables=1, delta=1e-7),
            NoisyGradients(name="g", noise_multiplier=1.0, sample_rate=0.1, steps=1),
        )
        theorem = f"{theorems.of_looks(events, unit='person')} {dpctgan.THEOREM}"
        stated = dataclasses.replace(REVIEWS.privacy, theorem=theorem)
        text = privacy_of(stated)
        assert theorem in text

    def test_the_sharper_limit_needs_mu(self) -> None:
        assert REVIEWS.privacy is not None
        without = dataclasses.replace(REVIEWS.privacy, mu=None)
        view = privacy.view(dataclasses.replace(REVIEWS, privacy=without), PASS)
        assert len(view["sentences"]) == len(privacy.view(REVIEWS, PASS)["sentences"]) - 1

    def test_a_generator_without_guarantee_names_its_uncovered_looks(self) -> None:
        view = privacy.view(PATIENTS, REFUSED)
        assert view["kind"] == "none"
        assert "No guarantee." in view["sentences"][0]
        assert "category frequencies, training" in view["sentences"][0]
        assert ("Epsilon", "no guarantee") in view["facts"]

    @pytest.mark.parametrize("private", [True, False])
    def test_an_uncovered_look_voids_the_guarantee_but_its_price_is_told(
        self, private: bool
    ) -> None:
        assert REVIEWS.privacy is not None
        look = dataclasses.replace(
            REVIEWS.privacy.events[0], name="domains read from the data", covered=False
        )
        void = dataclasses.replace(
            REVIEWS.privacy, private=private, events=(look, REVIEWS.privacy.events[1])
        )
        evidence = dataclasses.replace(REVIEWS, privacy=void)
        view = privacy.view(evidence, PASS)
        assert view["kind"] == "none"
        assert "1 look at real rows that no budget covers: domains read" in view["sentences"][0]
        assert "cost epsilon 0.999 at delta 1e-6" in view["sentences"][1]
        assert ("Epsilon", "0.999, of 1 asked") in view["facts"]
        number = key_numbers(evidence)[0]
        assert number.text.startswith("no guarantee end to end")
        assert number.meaning.endswith("covers every look but: domains read from the data.")
        assert attacks.ceiling("attacks.membership_inference", evidence) is None
        assert "no unit is protected" in dict(limits(evidence, PASS))[UNIT]

    def test_domains_read_from_data_qualify_a_guarantee(self) -> None:
        qualified = parts.statement(parts.REVIEWS, from_data=2)
        evidence = dataclasses.replace(REVIEWS, privacy=qualified)
        assert privacy.view(evidence, PASS)["kind"] == "qualified"
        assert "2 columns taken as given" in privacy.view(evidence, PASS)["sentences"][1]
        assert "Domains of 2 columns are outside" in key_numbers(evidence)[0].meaning
        assert privacy.view(REVIEWS, PASS)["kind"] == "guarantee"
        assert "outside" not in key_numbers(REVIEWS)[0].meaning

    def test_private_without_epsilon_is_no_guarantee(self) -> None:
        assert REVIEWS.privacy is not None
        hollow = dataclasses.replace(REVIEWS.privacy, epsilon=None)
        view = privacy.view(dataclasses.replace(REVIEWS, privacy=hollow), PASS)
        assert view["kind"] == "none"
        assert "not stated" in view["sentences"][0]

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"population_epsilon": None}, "No account of this population's releases"),
            ({"population_cap": None}, "No lifetime cap is set"),
            ({"population_releases": None}, "All releases of the population shop-reviewers"),
            ({"population_epsilon": 12.0}, "epsilon 12.0 together, of"),
            ({"population_delta": 1.1e-6}, "epsilon 2.93 together at delta 1.1e-6, of a lifetime"),
            ({"population_delta": None}, "epsilon 2.93 together, of a lifetime"),
        ],
    )
    def test_the_account_says_what_it_knows(
        self, changes: dict[str, object], sentence: str
    ) -> None:
        assert REVIEWS.privacy is not None
        assert sentence in privacy_of(dataclasses.replace(REVIEWS.privacy, **changes))


class TestAttacks:
    def test_ceilings_are_stated_beside_the_attacks(self) -> None:
        view = attacks.view(REVIEWS, PASS)
        assert "an AUC of at most 0.567" in view["ceiling"]
        assert "DP ceiling 0.567" in view["figure"].svg
        assert view["alarms"] == ()

    @pytest.mark.parametrize(("value", "alarms"), [(0.6, 1), (0.4, 1), (0.45, 0), (0.55, 0)])
    def test_an_attack_beyond_the_ceiling_raises_an_alarm_on_either_side(
        self, value: float, alarms: int
    ) -> None:
        name = "attacks.membership_inference"
        found = {name: parts.measure(name, value, around=0.01)}
        evidence = dataclasses.replace(REVIEWS, measurements=found)
        assert len(attacks.beyond_ceiling(evidence)) == alarms

    def test_without_a_guarantee_there_is_no_ceiling(self) -> None:
        view = attacks.view(PATIENTS, REFUSED)
        assert "no ceiling" in view["ceiling"]
        assert "DP ceiling" not in view["figure"].svg

    def test_missing_attacks_are_named(self) -> None:
        evidence, decision = samples.outside_inconclusive()
        assert len(attacks.view(evidence, decision)["missing"]) == 2

    def test_an_attack_of_another_tool_is_listed(self) -> None:
        found = {"attacks.linkage": Measurement(name="attacks.linkage", value=0.1)}
        view = attacks.view(samples.bare(measurements=found), PASS)
        assert view["table"].rows[0][0] == "attacks.linkage"
        assert "attacks.linkage" in view["figure"].svg


class TestFidelity:
    def test_columns_and_pairs_come_worst_first(self) -> None:
        view = fidelity.view(PATIENTS, REFUSED)
        distances = [float(distance) for _, distance, _ in view["marginals"]]
        assert distances == sorted(distances, reverse=True)
        values = [float(row[1]) for row in view["associations"].data.rows]
        assert values == sorted(values, reverse=True)
        assert len(values) == 105
        assert "of 1,128 pairs" in view["associations"].data_note

    def test_the_holdout_stands_beside_the_value(self) -> None:
        table = fidelity.view(REVIEWS, PASS)["table"]
        assert [h.title for h in table.headers[:3]] == ["Measure", "Value", "Holdout"]
        assert table.rows[1][1:3] == ("0.0188", "0.0151")

    def test_many_columns_are_numbered_and_listed(self) -> None:
        assert fidelity.view(PATIENTS, REFUSED)["key"] == samples.wide(48)
        assert fidelity.view(REVIEWS, PASS)["key"] == ()


class TestUtility:
    def test_each_target_has_both_scores(self) -> None:
        view = utility.view(REVIEWS, PASS)
        assert [row[0] for row in view["table"].rows] == ["recommended", "returned"]
        assert (
            "recommended: trained on synthetic 0.897, trained on real 0.908" in view["figure"].svg
        )

    def test_a_target_with_dots_and_one_score_is_kept_whole(self) -> None:
        found = {"utility.tstr.a.b": Measurement(name="utility.tstr.a.b", value=0.7)}
        view = utility.view(samples.bare(measurements=found), PASS)
        assert view["table"].rows[0][0] == "a.b"
        assert "not measured" in view["table"].rows[0]

    def test_measurements_that_no_section_claims_are_not_lost(self) -> None:
        found = {"audit.epsilon": Measurement(name="audit.epsilon", value=0.31)}
        page = Page(
            render(
                samples.bare(measurements=found),
                samples.decide(samples.bare(measurements=found), "pass", ()),
            )
        )
        assert "audit.epsilon" in page.visible
        assert "0.310" in page.visible


def test_every_measurement_of_the_evidence_is_on_the_page() -> None:
    for evidence, decision in (samples.reviews_pass(), samples.patients_refused()):
        text = Page(render(evidence, decision)).visible
        shown = {
            name: number
            for name, number in (
                ("fidelity.tvd3", "0.0467"),
                ("fidelity.sdmetrics_quality", "0.973"),
                ("attacks.membership_inference_tpr", "1.12%"),
                ("diagnostics.dcr_train_closer_share", "50.4%"),
            )
            if name in evidence.measurements
        }
        assert len(shown) == 4
        assert all(number in text for number in shown.values())


class TestValidity:
    def test_open_checks_come_first_and_passes_are_grouped(self) -> None:
        view = validity.view(PATIENTS, REFUSED)
        assert [row[3] for row in view["unmet"].rows] == ["Fail"] * 3 + ["Inconclusive"] * 2
        assert view["unmet"].rows[0][4] == "1.25%"
        assert view["unmet"].rows[-1][4] == "not counted"
        listed = sum(int(row[1]) for row in view["passed"].rows)
        assert listed + 5 == 48 * 3 + 1


class TestLimits:
    @pytest.mark.parametrize("made", [samples.reviews_pass, samples.outside_inconclusive])
    def test_the_mandatory_texts_are_always_there(self, made: object) -> None:
        evidence, decision = made()  # type: ignore[operator]
        text = section(render(evidence, decision), "limits")
        for lead in (
            "Attacks are lower bounds",
            "Differential privacy is an upper bound",
            "not covered by epsilon",
            "Distances are diagnostics",
            "Not everything was tested",
            "per privacy unit",
            "one recipient and a limited time",
            "Not legal advice",
        ):
            assert lead in text

    def test_they_name_recipient_policy_and_date(self) -> None:
        text = dict(limits(REVIEWS, PASS))["The verdict is for one recipient and a limited time."]
        assert "partner: Nordwind Logistics" in text
        assert "reviews-partner 1.0.0" in text
        assert "20 November 2027" in text

    @pytest.mark.parametrize(
        ("rows", "share"), [(1_000, "9.49%"), (10_000, "3%"), (100_000, "0.949%")]
    )
    def test_the_power_of_the_distance_comparison_is_stated(self, rows: int, share: str) -> None:
        name = "diagnostics.dcr_train_closer_share"
        found = {name: Measurement(name=name, value=0.5, n=rows)}
        evidence = samples.bare(measurements=found)
        assert (
            f"fewer than {share} verbatim copies"
            in dict(limits(evidence, PASS))["Distances are diagnostics."]
        )

    def test_the_unit_is_the_one_claimed(self) -> None:
        assert "one person" in dict(limits(REVIEWS, PASS))[UNIT]
        assert "no unit is protected" in dict(limits(PATIENTS, REFUSED))[UNIT]


class TestText:
    def test_long_names_are_cut_with_an_ellipsis(self) -> None:
        assert shorten("a" * 30, 10) == "a" * 9 + "\u2026"
        assert shorten("abc", 3) == "abc"

    def test_wide_characters_count_twice(self) -> None:
        assert shorten("名前名前名前", 7) == "名前名\u2026"

    def test_a_cut_in_the_middle_keeps_what_tells_labels_apart(self) -> None:
        cut = {shorten_middle(f"length_of_stay_in_days {c}", 14) for c in "abc"}
        assert len(cut) == 3
        assert all(len(c) <= 14 for c in cut)

    def test_lines_become_spaces(self) -> None:
        assert clean("a\nb\tc") == "a b c"
