"""Read the landing zone and the factory database into bronze tables."""
