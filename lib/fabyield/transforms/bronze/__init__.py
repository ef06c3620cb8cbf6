"""Transforms that make bronze tables."""
