"""conf/*.yml, read strictly."""
