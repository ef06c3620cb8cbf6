"""From columns to the bytes of records."""
