"""What is claimed of a model, and that the numbers are the accountant's."""

from __future__ import annotations

import pytest

import synthkit as sk
from synthkit.errors import InputError
from synthkit.privacy import accountant
from synthkit.privacy.event import NoisyGradients, NoisyTables, ThresholdedTables, UncoveredLook
from synthkit.privacy.ledger import Ledger
from tests.pipeline.jobs import ENCODED, SCHEMA, schema, visits

TINY = {
    "match_steps": 5, "critic_steps": 4, "hidden": 8, "critic_hidden": 8, "batch_size": 20,
    "blocks": 1, "critic_layers": 1, "gradient_share": 0.1,
}  # fmt: skip


def events_of(statement):
    """Rebuilds the accountant's events from the lines of a statement."""
    for line in statement.events:
        if not line.covered:
            yield UncoveredLook(name=line.name, reason=line.note, in_release=line.in_release)
        elif "delta" in line.parameters:
            yield ThresholdedTables(name=line.name, **line.parameters)
        elif "tables" in line.parameters:
            yield NoisyTables(name=line.name, **line.parameters)
        else:
            yield NoisyGradients(name=line.name, **line.parameters)


@pytest.fixture
def fit():
    def fit_visits(generator="independent", *, epsilon=1.0, text=SCHEMA, **more):
        return sk.fit(visits(), schema(text), epsilon=epsilon, generator=generator, **more)

    return fit_visits


@pytest.mark.parametrize(("generator", "options"), [("independent", {}), ("dpctgan", TINY)])
def test_every_number_of_the_statement_is_the_accountant_s(fit, generator, options):
    statement = fit(generator, options=options).privacy
    events = tuple(events_of(statement))
    cost = accountant.cost(events, delta=statement.delta)
    assert statement.private
    assert statement.epsilon == cost.epsilon
    assert statement.mu == cost.mu
    assert 0.9 < statement.epsilon <= statement.target_epsilon == 1.0
    assert statement.delta == accountant.default_delta(300)
    spent = Ledger().spent("visits-test")
    # An account takes thresholds on top of its delta, a statement out of it.
    account = accountant.cost(events, delta=statement.delta, thresholds_on_top=True)
    assert spent.epsilon == pytest.approx(account.epsilon, rel=1e-9)
    assert spent.delta == pytest.approx(1.1 * statement.delta)
    assert spent.epsilon <= statement.epsilon
    assert statement.population_epsilon == spent.epsilon
    assert statement.cross_check, "another accountant prices the same events"
    assert all(e >= 0.8 * cost.epsilon for e in statement.cross_check.values())
    reserved = Ledger().history("visits-test")[0]
    assert [e["name"] for e in reserved.events] == [e.name for e in statement.events]
    assert all(e.covered and e.in_release for e in statement.events)
    assert len(statement.events) == {"independent": 2, "dpctgan": 4}[generator]
    assert statement.events[0].name == "values that many share"
    assert statement.rho is None


def test_a_delta_that_is_asked_for_is_the_one_that_is_stated(fit):
    statement = fit(delta=1e-9).privacy
    assert statement.delta == 1e-9
    assert statement.epsilon <= 1.0


def test_a_domain_read_from_the_data_ends_the_guarantee_and_is_named(fit):
    text = SCHEMA.replace("[north, south, east], from: public", "[north, south, east], from: data")
    statement = fit(text=text, domains="as_written").privacy
    assert not statement.private
    assert statement.data_columns == ("ward",)
    assert statement.bought_columns == ()
    assert set(statement.public_columns) == set(ENCODED) - {"ward"}
    uncovered = [e for e in statement.events if not e.covered]
    assert [(e.name, e.in_release) for e in uncovered] == [("domains read from the data", True)]
    assert statement.epsilon <= 1.0, "what is covered is priced all the same"


@pytest.mark.parametrize(("generator", "options"), [("independent", {}), ("dpctgan", TINY)])
def test_bought_domains_are_inside_the_budget_and_named(fit, generator, options):
    text = SCHEMA.replace("from: public", "from: data")
    statement = fit(generator, text=text, options=options).privacy
    assert statement.private
    assert statement.data_columns == statement.public_columns == ()
    assert statement.bought_columns == tuple(ENCODED)
    assert all(e.covered for e in statement.events)
    assert [e.name for e in statement.events[:3]] == [
        "bounds of columns", "categories of columns", "decimals and missing cells",
    ]  # fmt: skip
    events = tuple(events_of(statement))
    cost = accountant.cost(events, delta=statement.delta)
    assert statement.epsilon == cost.epsilon <= statement.target_epsilon
    assert statement.epsilon > 0.9
    # The account counts thresholds on top of its delta, so the release costs it a little less.
    alone = accountant.cost(events, delta=statement.population_delta).epsilon
    assert statement.population_delta > statement.delta
    assert statement.epsilon_at_population_delta == alone < statement.epsilon
    assert statement.population_epsilon == pytest.approx(alone, rel=1e-3)
    assert statement.mu_delta == cost.mu_delta == pytest.approx(0.1 * statement.delta, rel=0.01)
    assert (statement.rho, cost.rho) == (None, None)
    assert statement.rho_note
    assert "taken as declared by whoever signs" in statement.assumptions
    reserved = Ledger().history("visits-test")[0]
    assert [e["name"] for e in reserved.events] == [e.name for e in statement.events]


@pytest.mark.parametrize(
    ("generator", "options", "shares", "words"),
    [
        ("independent", {}, (0.04, 0.96), ("Each column by itself",)),
        ("dpctgan", {}, (0.04, 0.384, 0.576), ("every pair", "no discriminator.")),
        ("dpctgan", TINY, (0.04, 0.288, 0.576, 0.096), ("DP-SGD",)),
    ],
)
def test_the_recipe_and_each_look_s_share_of_the_budget_are_stated(
    fit, generator, options, shares, words
):
    quick = {} if generator == "independent" else {"match_steps": 2, **options}
    statement = fit(generator, options=quick).privacy
    # The share that was asked for steers the noise; the exact price moves it a little.
    assert [e.share for e in statement.events] == pytest.approx(list(shares), rel=0.15)
    assert sum(e.share for e in statement.events) == pytest.approx(1.0)
    assert all(word in statement.recipe for word in words)
    assert ("DP-SGD" in statement.theorem) == ("DP-SGD" in statement.recipe)
    assert "Korolova" in statement.theorem
    assert ("Gradient noise" in statement.floating_point) == ("DP-SGD" in statement.recipe)
    assert "exactly on integers" in statement.floating_point


def test_tables_alone_have_a_rho_and_it_is_printed_in_the_statement(fit):
    statement = fit(spike_share=0).privacy
    (event,) = events_of(statement)
    assert statement.rho == pytest.approx(event.tables / (2 * event.sigma**2))
    assert statement.rho_note == ""
    assert statement.mu_delta == 1e-10


def test_a_generator_without_privacy_takes_domains_as_written_and_says_so(fit):
    text = SCHEMA.replace("from: public", "from: data")
    options = {"epochs": 1, "batch_size": 50}
    statement = fit("ctgan", epsilon=None, options=options, text=text).privacy
    assert statement.data_columns == tuple(ENCODED)
    assert statement.bought_columns == ()


@pytest.mark.parametrize(
    "how", [{"generator": "ctgan", "epsilon": None}, {"domains": "as_written"}]
)
def test_a_domain_that_is_not_written_is_refused_before_anything_is_charged(fit, how):
    text = SCHEMA.replace("bounds: [0, 120], from: public", "from: data")
    text = text.replace("categories: [north, south, east], from: public", "from: data")
    with pytest.raises(InputError, match="2 columns have no bounds or categories") as caught:
        fit(text=text, **how)
    assert any("'ward'" in line for line in caught.value.details)
    assert Ledger().history("visits-test") == ()


@pytest.mark.parametrize("share", [0, -0.1, 0.51, 1, float("nan"), True])
def test_a_share_that_means_nothing_is_refused_before_anything_is_charged(fit, share):
    with pytest.raises(InputError, match="domain_share must be above 0 and at most"):
        fit(text=SCHEMA.replace("from: public", "from: data"), domain_share=share)
    assert Ledger().history("visits-test") == ()


def test_a_word_that_is_neither_is_refused(fit):
    with pytest.raises(InputError, match="neither 'buy' nor 'as_written'"):
        fit(domains="free")


def test_a_generator_without_privacy_claims_nothing(fit):
    model = fit("ctgan", epsilon=None, options={"epochs": 1, "batch_size": 50})
    statement = model.privacy
    assert not statement.private
    numbers = (statement.epsilon, statement.delta, statement.target_epsilon, statement.mu)
    assert numbers == (None, None, None, None)
    assert statement.accountant == "none"
    assert any(not e.covered and e.in_release for e in statement.events)
    spent = Ledger().spent("visits-test")
    assert (spent.epsilon, spent.releases) == (0.0, 1)


def test_the_unit_is_the_person_where_a_person_id_is_declared(fit):
    model = fit()
    statement = model.privacy
    assert (statement.unit, statement.unit_column) == ("person", "patient")
    assert statement.neighboring_relation == "add or remove one person"
    assert model.units == pytest.approx(200, abs=60), "patients are counted, not their visits"


def test_the_unit_is_the_row_where_it_is_asked_for_or_no_person_is_known(fit):
    asked = fit(text=SCHEMA.replace("targets:", "unit: row\ntargets:"), population="a").privacy
    assert (asked.unit, asked.unit_column) == ("row", None)
    text = SCHEMA.replace("kind: person_id", "kind: id")
    unknown = fit(text=text, population="b").privacy
    assert unknown.unit == "row"
    assert "a person with several rows is protected less" in unknown.contribution


def test_epsilons_of_several_releases_add_up_in_the_statement_of_the_last(fit):
    first, second = fit().privacy, fit().privacy
    assert (first.population_releases, second.population_releases) == (1, 2)
    assert second.population_epsilon > second.epsilon
    assert second.population_cap == 10
