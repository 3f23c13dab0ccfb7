"""Other generators on the same tables: each in an environment of its own, judged by our metrics.

`catalogue` names the peers, `environment` makes their environments, `exchange` gives each the same
rows and the same public knowledge and takes its rows back, `process` runs one in a process whose
CPU seconds and memory the operating system counts and limits. The other files are one per peer and
run under the peer's Python: they import nothing of synthkit.
"""
