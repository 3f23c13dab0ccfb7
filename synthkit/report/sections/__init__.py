"""What each section of the page says: one file per section, (evidence, decision) -> view.

A view is a mapping of plain values, tables and figures that the section's template draws. A part
that is missing becomes a sentence here, so that templates never meet a hole.
"""
