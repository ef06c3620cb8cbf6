"""Transforms that make silver tables."""
