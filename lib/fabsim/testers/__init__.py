"""What testers measure of each die, and the STDF files they deliver."""
