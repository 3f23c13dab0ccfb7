"""Synthetic tables with differential privacy, measured, gated and signed."""

__version__ = "0.1.0"
