"""Landing files and databases, read into data frames."""
