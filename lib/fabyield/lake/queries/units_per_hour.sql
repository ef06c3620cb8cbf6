-- Touch-downs per hour of each tester and program, over wafer runs that ended.
SELECT
  insertion, tester_id, test_program, count(*) AS runs, sum(touchdowns) AS touchdowns,
  round(sum(epoch(finished_at - started_at)) / 3600, 2) AS hours,
  round(3600 * sum(touchdowns) / nullif(sum(epoch(finished_at - started_at)), 0), 1) AS units_per_hour
FROM silver.wafer_runs
WHERE finished_at > started_at AND NOT is_superseded
GROUP BY ALL
ORDER BY units_per_hour, tester_id
