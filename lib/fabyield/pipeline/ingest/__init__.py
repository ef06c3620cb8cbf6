"""From the landing zone and the factory database to bronze tables."""
