"""Lots on their way through the line: tools, times, excursions, lot IDs, PCM and test slots."""
