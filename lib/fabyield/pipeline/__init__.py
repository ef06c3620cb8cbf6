"""The night: its steps, what a job sees of the lake, and how rows are published."""
