"""Drawings of the report: one figure per file, each a pure function figure -> SVG text.

Classes are styled by the page's style sheet; every drawing has a title and a description, and its
numbers stand in a table beside it.
"""
