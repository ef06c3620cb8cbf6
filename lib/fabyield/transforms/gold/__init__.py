"""Transforms that make gold tables."""
