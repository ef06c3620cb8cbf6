"""STDF files as rows of the bronze tables."""
