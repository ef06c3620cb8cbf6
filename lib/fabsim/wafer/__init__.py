"""Wafers: patterns, defects, and the levels of their die."""
