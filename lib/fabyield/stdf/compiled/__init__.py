"""Loops over bytes that Numba compiles."""
