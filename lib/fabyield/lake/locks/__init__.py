"""Locks and leases, so that one driver at a time writes the lake."""
