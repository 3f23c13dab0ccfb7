"""The gate: (evidence, policy) -> decision, and nothing else.

A policy is a list of rules with limits; a rule is one file under `rules/`, named as the policy
names it. The verdict is the worst rule, never an average: a good marginal cannot buy off a leak.
The room is pure: no table, no model, no network, no clock.
"""

from __future__ import annotations

from synthkit.gate.decision import decide, exit_code
from synthkit.gate.policy import Policy, PolicyRule, load_policy, policy_names

__all__ = ["Policy", "PolicyRule", "decide", "exit_code", "load_policy", "policy_names"]
