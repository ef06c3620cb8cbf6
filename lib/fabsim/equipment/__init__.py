"""What tools report of themselves: visits, sensor traces, logs, alarms."""
