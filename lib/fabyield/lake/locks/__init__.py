"""Who may write the lake: one driver at a time."""
