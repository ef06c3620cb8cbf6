"""Nightly yield analytics for semiconductor fabs."""

__version__ = "0.1.0"
