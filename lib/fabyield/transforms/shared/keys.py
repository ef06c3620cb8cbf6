"""The key columns that several tables share."""

WAFER_NAME = ["fab_id", "lot_id", "wafer_id"]
WAFER = ["fab_id", "wafer_key"]
INSERTION = [*WAFER, "insertion"]
DIE = [*INSERTION, "die_id"]
# When the factory database last changed a row.
CHANGED = "updated_at"
