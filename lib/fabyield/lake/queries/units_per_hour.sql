-- Touch-downs per hour of each tester and program, over files that ended.
WITH files AS (
  SELECT
    fab_id, insertion, tester_id, test_program, file_key, sum(touchdowns) AS touchdowns,
    epoch(max(finished_at) - min(started_at)) / 3600 AS hours
  FROM silver.wafer_runs
  WHERE finished_at > started_at AND NOT is_superseded
  GROUP BY ALL
)
SELECT
  fab_id, insertion, tester_id, test_program, count(*) AS runs, sum(touchdowns) AS touchdowns,
  round(sum(files.hours), 2) AS hours, round(sum(touchdowns) / nullif(sum(files.hours), 0), 1) AS units_per_hour
FROM files
GROUP BY fab_id, insertion, tester_id, test_program
ORDER BY units_per_hour, tester_id
