"""What commands print: plain aligned text on stdout, or JSON with `--json`."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthkit import canonical
from synthkit.artifacts import Decision, Evidence, PrivacyStatement

if TYPE_CHECKING:
    from synthkit.generate.options import Option
    from synthkit.pipeline.model import Model
    from synthkit.pipeline.run import RunResult

VERDICT_WORDS = {"pass": "PASS", "refused": "REFUSED", "inconclusive": "INCONCLUSIVE"}
MARKS = {"pass": "ok  ", "fail": "FAIL", "inconclusive": "?   "}


def print_json(value: Any) -> None:
    """Prints JSON with sorted keys."""
    print(json.dumps(canonical.to_plain(value), indent=2, sort_keys=True, ensure_ascii=False))


def print_pairs(pairs: Sequence[tuple[str, str]]) -> None:
    """Prints label and text in two aligned columns."""
    width = max(len(label) for label, _ in pairs)
    for label, text in pairs:
        print(f"{label:<{width}}  {text}")


def privacy_line(evidence: Evidence) -> str:
    """Says in one line what was spent."""
    from synthkit.pipeline.making import PROPOSED_SCHEMA

    privacy = evidence.privacy
    if privacy is None:
        return "no privacy statement: the table was made elsewhere"
    if privacy.epsilon is None:
        return f"none: the generator {privacy.generator} gives no guarantee"
    unit = f"{privacy.unit} ({privacy.unit_column})" if privacy.unit_column else privacy.unit
    line = f"epsilon {privacy.epsilon:.3f} at delta {privacy.delta:.2g} per {unit}"
    if any(e.name == PROPOSED_SCHEMA for e in privacy.events):
        line += ", for a schema that nobody has reviewed"
    if privacy.data_columns:
        line += f", but for {len(privacy.data_columns)} domains that were read from the data"
    elif privacy.bought_columns:
        line += f", {len(privacy.bought_columns)} domains bought with noise included"
    return line


def verdict_line(decision: Decision) -> str:
    """Says the verdict, and for whom."""
    from synthkit.report import verdict_word

    word = verdict_word(decision)
    return f"{VERDICT_WORDS[decision.verdict]} - {word[0].lower()}{word[1:]}"


def decision_lines(decision: Decision) -> None:
    """Prints the rules that stand in the way, or that all passed."""
    hindering = [r for r in decision.rules if r.outcome != "pass"]
    if not hindering:
        print(f"All {len(decision.rules)} rules passed.")
        return
    for rule in hindering:
        print(f"  {MARKS[rule.outcome]}  {rule.rule}: {rule.reason}")


def shown(path: Path) -> str:
    """Returns a path as the user would type it from where they stand."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def printable(text: str) -> str:
    """Escapes what a terminal would obey: column names may hold line ends or control codes."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def print_run(result: RunResult, *, as_json: bool) -> int:
    """Prints a run's verdict, privacy, key numbers and where to look; returns the exit code."""
    from synthkit.gate import exit_code
    from synthkit.report import key_numbers

    decision, evidence = result.decision, result.evidence
    numbers = key_numbers(evidence)
    if as_json:
        privacy = evidence.privacy
        print_json(
            {
                "verdict": decision.verdict,
                "policy": decision.policy,
                "valid_until": decision.valid_until,
                "epsilon": privacy.epsilon if privacy else None,
                "delta": privacy.delta if privacy else None,
                "mu": privacy.mu if privacy else None,
                "mu_delta": privacy.mu_delta if privacy else None,
                "rho": privacy.rho if privacy else None,
                "bought_columns": list(privacy.bought_columns) if privacy else [],
                "numbers": {n.label: n.text for n in numbers},
                "bundle": str(result.bundle),
                "report": str(result.bundle / "report.html"),
                "public_key": str(result.public_key),
            }
        )
        return exit_code(decision)
    until = f", valid until {decision.valid_until}" if decision.valid_until else ""
    pairs = [
        ("Verdict", verdict_line(decision)),
        ("Policy", f"{decision.policy} {decision.policy_version}{until}"),
        ("Privacy", privacy_line(evidence)),
    ]
    if evidence.privacy and evidence.privacy.population_epsilon is not None:
        pairs.append(("Ledger", _account_line(evidence.privacy)))
    print_pairs(pairs)
    print()
    decision_lines(decision)
    print("\nThe numbers that decided")
    print_pairs([("  " + n.label, n.text) for n in numbers])
    for warning in evidence.warnings:
        print(f"\nNote: {printable(warning)}")
    print()
    bundle = shown(result.bundle)
    print_pairs(
        [
            ("Report", f"{bundle}/report.html"),
            ("Table", f"{bundle}/synthetic.parquet"),
            ("Check", f"synthkit verify {bundle} --key {shown(result.public_key)}"),
        ]
    )
    return exit_code(decision)


def print_proposal(text: str, notes: Sequence[str], output: Path | None, *, as_json: bool) -> None:
    """Prints a proposed schema or where it is, and what was noticed.

    The notes go to stderr, so that the schema itself may go to stdout.
    """
    if as_json:
        where = None if output is None else str(output)
        print_json({"output": where, "schema": text, "notes": list(notes)})
        return
    for note in notes:
        print(f"- {note}", file=sys.stderr)
    if output is None:
        print(text, end="")
    else:
        print(f"Schema   {output}")
        print(f"Next     review it, then: synthkit check TABLE --schema {output}")


def print_problems(problems: Sequence[Any], table: Path, *, as_json: bool) -> int:
    """Prints the violations of a schema; returns 0 when there is no error, else 3."""
    errors = [p for p in problems if p.severity == "error"]
    if as_json:
        print_json({"ok": not errors, "problems": [canonical.to_plain(p) for p in problems]})
        return 3 if errors else 0
    if not problems:
        print(f"{table} fits its schema.")
    for problem in problems:
        print(f"{problem.severity}: {problem.message}")
        if problem.hint:
            print(f"  hint: {problem.hint}")
    warnings = _counted(len(problems) - len(errors), "warning")
    if errors:
        print(f"\n{_counted(len(errors), 'error')}, {warnings}.")
    elif problems:
        print(f"\nNo errors, {warnings}: {table} can be used.")
    return 3 if errors else 0


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def print_model(model: Model, output: Path, *, as_json: bool) -> None:
    """Prints what a fit has spent and where the model is."""
    privacy = model.privacy
    if as_json:
        print_json({"model": str(output), "privacy": privacy})
        return
    evidence = Evidence(name="", measurements={}, rows_synthetic=0, privacy=privacy)
    print_pairs(
        [
            ("Model", str(output)),
            ("Privacy", privacy_line(evidence)),
            ("Ledger", _account_line(privacy)),
            ("Next", f"synthkit sample {output} --rows 10000 --output synthetic.parquet"),
        ]
    )


def _account_line(privacy: PrivacyStatement) -> str:
    """Says what the population has spent so far; its delta, since it may not be the release's."""
    at = "" if privacy.population_delta is None else f", at delta {privacy.population_delta:.2g}"
    return (
        f"{privacy.population}: {privacy.population_epsilon:.3f} of {privacy.population_cap:g} "
        f"spent so far{at}"
    )


def print_evidence(evidence: Evidence, output: Path, *, as_json: bool) -> None:
    """Prints every measurement beside its holdout reference."""
    if as_json:
        print_json({"output": str(output), "measurements": evidence.measurements})
        return
    width = max((len(name) for name in evidence.measurements), default=1)
    print(f"{'measurement':<{width}}  {'value':>10}  {'holdout':>10}  interval")
    for name, m in sorted(evidence.measurements.items()):
        value = "-" if m.value is None else f"{m.value:.4g}"
        reference = "-" if m.reference is None else f"{m.reference:.4g}"
        interval = "" if m.low is None or m.high is None else f"{m.low:.4g} to {m.high:.4g}"
        if m.value is None:
            interval = m.note
        print(f"{name:<{width}}  {value:>10}  {reference:>10}  {interval}")
    print(f"\nEvidence  {output} (internal: computed on real rows, not covered by epsilon)")
    print(f"Next      synthkit gate {output} --policy internal")


def print_decision(decision: Decision, *, as_json: bool) -> int:
    """Prints a verdict with every rule; returns the exit code."""
    from synthkit.gate import exit_code

    if as_json:
        print_json(decision)
        return exit_code(decision)
    print_pairs(
        [
            ("Verdict", verdict_line(decision)),
            ("Policy", f"{decision.policy} {decision.policy_version}"),
        ]
    )
    print()
    for rule in decision.rules:
        print(f"  {MARKS[rule.outcome]}  {rule.rule}: {rule.reason}")
    return exit_code(decision)


def print_report(folder: Path, *, as_json: bool) -> None:
    """Prints where the report is."""
    if as_json:
        print_json({"report": str(folder / "report.html"), "json": str(folder / "report.json")})
        return
    print(f"Report  {folder / 'report.html'}")


def print_verification(verification: Any, *, as_json: bool) -> int:
    """Prints whether a bundle is what was signed; returns 0 or 4."""
    if as_json:
        print_json(verification)
        return 0 if verification.ok else 4
    if verification.ok:
        facts = verification.facts
        print("The bundle is whole and was signed by this key.")
        print_pairs(
            [
                ("Release", str(facts.get("release_id"))),
                ("Verdict", VERDICT_WORDS.get(str(facts.get("verdict")), "unknown")),
                ("Policy", f"{facts.get('policy')}, for {facts.get('recipient_class')} use"),
                ("Valid until", str(facts.get("valid_until") or "not decided")),
                ("Key", str(verification.key_id)),
            ]
        )
        return 0
    print("The bundle is NOT what was signed:")
    for problem in verification.problems:
        print(f"  - {problem}")
    return 4


def print_keys(pair: Any, *, as_json: bool) -> None:
    """Prints where a new key pair is."""
    if as_json:
        print_json(
            {"private": str(pair.private), "public": str(pair.public), "key_id": pair.key_id}
        )
        return
    print_pairs(
        [
            ("Private", f"{pair.private} (keep it secret)"),
            ("Public", f"{pair.public} (give it to whoever verifies)"),
            ("Key id", str(pair.key_id)),
        ]
    )


def print_spent(population: str, spent: Any, *, as_json: bool) -> None:
    """Prints a population's spend."""
    if as_json:
        print_json({"population": population, "spent": spent})
        return
    left = max(0.0, spent.cap - spent.epsilon)
    print_pairs(
        [
            ("Population", population),
            ("Spent", f"epsilon {spent.epsilon:.3f} at delta {spent.delta:.2g} (tight)"),
            ("Naive sum", f"epsilon {spent.naive_epsilon:.3f}"),
            ("Cap", f"epsilon {spent.cap:g}, about {left:.3f} left"),
            ("Releases", str(spent.releases)),
        ]
    )


def print_history(population: str, entries: Sequence[Any], *, as_json: bool) -> None:
    """Prints a population's ledger entries, oldest first."""
    if as_json:
        print_json({"population": population, "entries": [canonical.to_plain(e) for e in entries]})
        return
    if not entries:
        print(f"The ledger has no entry for {population}.")
        return
    for entry in entries:
        epsilon = "-" if entry.epsilon is None else f"{entry.epsilon:.3f}"
        print(f"{entry.created}  {entry.action:<8}  epsilon {epsilon:>7}  {entry.note}")


def print_plugins(rows: Sequence[tuple[str, str]], *, as_json: bool) -> None:
    """Prints plugin names with their one-line summaries."""
    if as_json:
        print_json([{"name": n, "summary": s} for n, s in rows])
        return
    print_pairs(list(rows))


def print_options(generator: str, options: Sequence[Option], *, as_json: bool) -> None:
    """Prints the options of a generator: default, what else they may be, what they mean."""
    if as_json:
        names = ("name", "default", "values", "meaning")
        print_json([{name: getattr(o, name) for name in names} for o in options])
        return
    if not options:
        print(f"The generator {generator!r} has no options.")
    wrap = textwrap.TextWrapper(
        80, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False
    )
    for option in options:
        default = option.default if isinstance(option.default, str) else f"{option.default:g}"
        print(f"{option.name}={default}  ({option.values})")
        print(wrap.fill(option.meaning))
