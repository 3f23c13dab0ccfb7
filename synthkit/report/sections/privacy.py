"""Section 2: the privacy statement, event by event, and the population's account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthkit.artifacts import Decision, EventRecord, Evidence, PrivacyStatement
from synthkit.report.figures.budget import budget
from synthkit.report.guarantee import (
    best_guess_gaussian,
    has_guarantee,
    is_priced,
    likelihood_factor,
    uncovered,
)
from synthkit.report.key_numbers import plain_guarantee
from synthkit.report.numbers import is_missing, number, percent, percent_at_most, setting
from synthkit.report.tables import Figure, Table, headers
from synthkit.report.wording import UNITS, plural

_CHANGES = {"person": "one person, with all rows of that person,", "row": "one row"}


def view(evidence: Evidence, decision: Decision) -> dict[str, Any]:
    """Returns the statement, or the sentence that there is none."""
    del decision
    privacy = evidence.privacy
    if privacy is None:
        return {
            "kind": "absent",
            "sentences": (
                "No privacy statement came with this table. Nothing is claimed, and nothing can "
                "be concluded, about how its generator treated the real rows.",
            ),
        }
    return {
        "kind": _kind(privacy),
        "sentences": _sentences(privacy),
        "facts": _facts(privacy, evidence),
        "events": _events(privacy),
        "public_columns": privacy.public_columns,
        "bought_columns": privacy.bought_columns,
        "bought_sentence": "The bounds or categories of these columns were bought with noise: "
        f"domains of {plural(len(privacy.bought_columns), 'column')}, inside the budget of this "
        "release or of an earlier one. A category that few people have is merged.",
        "assumptions": privacy.assumptions,
        "data_columns": privacy.data_columns,
        "data_sentence": "The bounds or categories of these columns were read from the real table "
        "without noise. What they reveal is outside the budget.",
        "account": _account(privacy),
    }


def _kind(privacy: PrivacyStatement) -> str:
    """Returns how the statement stands: a guarantee, a qualified one, or none."""
    if not has_guarantee(privacy):
        return "none"
    return "qualified" if privacy.data_columns else "guarantee"


def _sentences(privacy: PrivacyStatement) -> tuple[str, ...]:
    """Returns the guarantee in words, or why there is none."""
    outside = uncovered(privacy)
    if outside and is_priced(privacy):
        return (
            f"No guarantee as it stands: the release depends on {plural(len(outside), 'look')} at "
            f"real rows that no budget covers: {', '.join(outside)}.",
            f"All other looks together cost epsilon {number(privacy.epsilon)} at delta "
            f"{number(privacy.delta)}. What the uncovered ones reveal is not bounded.",
        )
    if not privacy.private or outside:
        because = (
            f" The release depends on {plural(len(outside), 'look')} at real rows that no budget "
            f"covers: {', '.join(outside)}."
            if outside
            else ""
        )
        return (
            "No guarantee. This generator does not give differential privacy: no bound holds on "
            f"what the table or the model reveals about any one person.{because}",
            "Attacks that fail (section 3) do not replace the guarantee.",
        )
    if not has_guarantee(privacy):
        return (
            "No guarantee can be read from this report: the generator is said to be private, but "
            "its epsilon or delta is not stated.",
        )
    assert privacy.epsilon is not None  # has_guarantee has looked
    factor = likelihood_factor(privacy.epsilon)
    sentences = [
        f"Adding or removing {_CHANGES[privacy.unit]} changes the probability of any released "
        f"result by at most a factor of {number(factor) if factor < 1e6 else 'over a million'} "
        f"(e to the power of epsilon), plus delta = {number(privacy.delta)}.",
        plain_guarantee(privacy),
    ]
    if privacy.data_columns:
        columns = plural(len(privacy.data_columns), "column")
        sentences.insert(
            1,
            f"This holds with the bounds and categories of {columns} "
            "taken as given: they were read from the real table outside the budget, and what they "
            "reveal is not bounded.",
        )
    if privacy.mu is not None and not is_missing(privacy.mu):
        sharper = percent_at_most(best_guess_gaussian(privacy.mu, privacy.mu_delta or 0.0))
        sentences.append(
            f"The whole distribution of the privacy loss allows a sharper limit: the guess is "
            f"right at most {sharper} of the time (Gaussian-DP bound, "
            f"mu = {number(privacy.mu)}{_up_to(privacy)})."
        )
    return tuple(sentences)


def _facts(privacy: PrivacyStatement, evidence: Evidence) -> tuple[tuple[str, str], ...]:
    """Returns the statement's fields in fixed order; what is not stated says so.

    A generator that claims no epsilon has none of the fields that describe one.
    """
    if not privacy.private and not is_priced(privacy):
        return (("Generator", privacy.generator or "not stated"), ("Epsilon", "no guarantee"))
    target = (
        "" if privacy.target_epsilon is None else f", of {setting(privacy.target_epsilon)} asked"
    )
    epsilon = "none" if privacy.epsilon is None else f"{number(privacy.epsilon)}{target}"
    unit = UNITS[privacy.unit]
    if privacy.unit_column:
        unit += f", told apart by the column {privacy.unit_column}"
    checks = ", ".join(f"{k} {number(v)}" for k, v in sorted(privacy.cross_check.items()))
    facts = (
        ("Generator", privacy.generator),
        *((("Recipe", privacy.recipe),) if privacy.recipe else ()),
        ("Epsilon", epsilon),
        ("Delta", "none" if privacy.delta is None else number(privacy.delta)),
        ("Mu (Gaussian DP)", _mu(privacy)),
        ("Rho (zero-concentrated DP)", _rho(privacy)),
        ("Privacy unit", unit),
        ("Neighbouring tables", privacy.neighboring_relation),
        ("Contribution bound", privacy.contribution),
        *_beyond(evidence),
        ("Accountant", privacy.accountant),
        ("Epsilon by other accountants", checks or "no cross-check was made"),
        ("Theorem", privacy.theorem),
        ("Randomness of the noise", privacy.randomness),
        ("Floating point", privacy.floating_point),
    )
    return tuple((term, text or "not stated") for term, text in facts)


def _beyond(evidence: Evidence) -> tuple[tuple[str, str], ...]:
    """Returns what the bound on contributions cost, where it was measured."""
    found = evidence.measurements.get("privacy.rows_beyond_bound")
    if found is None or found.value is None:
        return ()
    return (("Rows beyond the bound", f"{found.note} ({100 * found.value:.0f} % of all rows)"),)


def _up_to(privacy: PrivacyStatement) -> str:
    """Returns what the Gaussian bound leaves out, where that is stated."""
    return "" if privacy.mu_delta is None else f", up to {number(privacy.mu_delta)} in delta"


def _mu(privacy: PrivacyStatement) -> str:
    """Returns mu with what it leaves out."""
    return "not applicable" if privacy.mu is None else f"{number(privacy.mu)}{_up_to(privacy)}"


def _rho(privacy: PrivacyStatement) -> str:
    """Returns rho, or why there is none."""
    if privacy.rho is not None:
        return number(privacy.rho)
    return f"none: {privacy.rho_note}" if privacy.rho_note else "not stated"


def _events(privacy: PrivacyStatement) -> Table | None:
    """Lists every look at real rows."""
    if not privacy.events:
        return None
    return Table(
        caption="Every look at real rows",
        headers=headers(
            "Look", "Mechanism", "Parameters", "#Share", "!In budget", "Release", "Note"
        ),
        rows=tuple(_event(e) for e in privacy.events),
    )


def _event(event: EventRecord) -> tuple[str, ...]:
    """Returns one line of the event table."""
    outside = "Not covered" if event.in_release else "Not covered, internal"
    covered = "Covered" if event.covered else outside
    return (
        event.name,
        event.mechanism,
        _parameters(event.parameters),
        _share(event),
        covered,
        "depends on it" if event.in_release else "stays inside",
        event.note,
    )


def _share(event: EventRecord) -> str:
    """Returns the part of the budget that a look takes."""
    if event.share is None or is_missing(event.share):
        return ""
    return percent(event.share)


def _parameters(parameters: Mapping[str, float | int | str]) -> str:
    """Returns `noise_multiplier = 1.1, steps = 2,000`."""
    return ", ".join(f"{k} = {setting(v)}" for k, v in sorted(parameters.items())) or "none"


def _account(privacy: PrivacyStatement) -> dict[str, Any]:
    """Returns the population's spend so far, with a bar where there is a cap."""
    if privacy.population_epsilon is None or is_missing(privacy.population_epsilon):
        sentence = "No account of this population's releases came with the evidence."
        return {"sentence": sentence, "figure": None}
    whose = f"of the population {privacy.population}" if privacy.population else "of the population"
    releases = (
        f"{plural(privacy.population_releases, 'release')} {whose} so far"
        if privacy.population_releases is not None
        else f"All releases {whose} so far"
    )
    sentence = (
        f"{releases}, this one included: epsilon {number(privacy.population_epsilon)} together"
    )
    if privacy.population_delta is not None and not is_missing(privacy.population_delta):
        sentence += f" at delta {number(privacy.population_delta)}"
    if (
        privacy.population_cap is None
        or is_missing(privacy.population_cap)
        or privacy.population_cap <= 0
    ):
        return {"sentence": f"{sentence}. No lifetime cap is set.", "figure": None}
    spent = privacy.population_epsilon
    own = 0.0 if privacy.epsilon is None or is_missing(privacy.epsilon) else privacy.epsilon
    before = max(spent - own, 0.0)
    return {
        "sentence": f"{sentence}, of a lifetime cap of {setting(privacy.population_cap)}.",
        "figure": Figure(
            svg=budget("budget", spent=spent, before=before, cap=privacy.population_cap),
            caption="Lifetime budget of the population: earlier releases dark, this one light.",
        ),
    }
