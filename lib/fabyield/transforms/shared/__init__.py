"""Keys, names, and conditions that several transforms use."""
