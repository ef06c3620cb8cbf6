"""STDF V4 as the specification has it: types, fields, records, codes."""
