-- Die that failed first at a site, and how many of them passed in the end.
SELECT
  f.insertion, r.tester_id, f.head_num, f.site_num, count(*) AS first_failed_die,
  count(*) FILTER (d.final_pass) AS recovered_die,
  round(100 * count(*) FILTER (d.final_pass) / count(*), 2) AS recovered_pct
FROM silver.touchdowns f
JOIN silver.die_results d USING (fab_id, wafer_key, insertion, die_id)
JOIN (SELECT DISTINCT file_key, tester_id FROM silver.wafer_runs) r USING (file_key)
WHERE f.is_first AND NOT f.part_pass
GROUP BY ALL
ORDER BY recovered_pct DESC, tester_id, head_num, site_num
