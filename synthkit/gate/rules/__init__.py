"""One rule, one file; the file's name is the rule's name in a policy.

A rule file has: a module docstring whose first line is the rule as a plain sentence, shown in
reports; `AXIS`; `PARAMETERS` (name -> allowed range, as data); `check(evidence, *, parameters...)`,
which returns a `Finding`, or raises `NotMeasured` when the evidence lacks what it needs; and
optionally `NEEDS`, the rules without which a policy must not state this one.
"""
