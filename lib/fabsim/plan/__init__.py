"""The plan of a fab, as YAML gives it."""
