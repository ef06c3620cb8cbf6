"""What a wafer looks like: patterns over it, defects, levels of its die."""
