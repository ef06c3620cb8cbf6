"""A night as a page and as a printed summary; only read_night reads tables."""
