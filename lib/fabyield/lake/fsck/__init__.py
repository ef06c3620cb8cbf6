"""Whether the tables of a lake are whole on disk, and what mends those that are not."""
