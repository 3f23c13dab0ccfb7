"""The only package that knows the order of the rooms.

`run` does the whole job of a plan; `fit`, `evaluate` and `decide` are its parts for Python users;
`demo` runs it on bundled data. The command line calls these and adds nothing to them.
"""

from __future__ import annotations
