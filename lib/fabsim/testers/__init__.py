"""What testers measure on each die, and the STDF files that they deliver."""
