"""Lots on their way through the line: when, through which tool, and what happens to them."""
