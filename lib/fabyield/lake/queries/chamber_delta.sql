-- Mean final yield of the wafers of each chamber, minus that of the other chambers at the step.
WITH visits AS (
  SELECT
    y.product_id, y.insertion, h.process_step, h.equipment_id || '/' || h.chamber_id AS chamber,
    count(*) AS wafers, sum(y.final_yield_pct) AS yields
  FROM silver.process_history_at_test h
  JOIN gold.wafer_yield y USING (fab_id, wafer_key, insertion)
  WHERE h.chamber_id IS NOT NULL AND y.final_yield_pct IS NOT NULL
  GROUP BY ALL
),
steps AS (
  SELECT *, sum(wafers) OVER step AS all_wafers, sum(yields) OVER step AS all_yields
  FROM visits
  WINDOW step AS (PARTITION BY product_id, insertion, process_step)
)
SELECT
  product_id, insertion, process_step, chamber, wafers,
  round(yields / wafers, 2) AS mean_yield_pct,
  round(yields / wafers - (all_yields - yields) / (all_wafers - wafers), 2) AS delta_points
FROM steps
WHERE all_wafers > wafers
ORDER BY delta_points, product_id, insertion, process_step, chamber
