"""Arrow columns from NumPy arrays."""
