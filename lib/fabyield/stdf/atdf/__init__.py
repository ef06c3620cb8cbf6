"""ATDF, the text form of STDF."""
