"""Process tools: visits, sensor traces, logs and alarms."""
