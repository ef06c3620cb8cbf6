"""Check that the tables of a lake are whole on disk, and repair those that are not."""
