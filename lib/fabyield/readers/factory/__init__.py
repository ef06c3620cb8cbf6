"""The factory database."""
