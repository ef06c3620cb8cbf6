"""Which wafers will have low yield, and why."""
