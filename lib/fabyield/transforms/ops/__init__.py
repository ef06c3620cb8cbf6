"""Transforms that make ops tables."""
