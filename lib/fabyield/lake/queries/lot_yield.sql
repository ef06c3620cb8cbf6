-- Yield of each lot by insertion, the lowest final yield first.
SELECT
  product_id, insertion, lot_id, count(*) AS wafers, sum(tested_die) AS tested_die,
  round(100 * sum(first_pass_die) / sum(tested_die), 2) AS first_pass_yield_pct,
  round(100 * sum(good_die) / sum(tested_die), 2) AS final_yield_pct,
  round(min(gold.wafer_yield.final_yield_pct), 2) AS lowest_wafer_pct
FROM gold.wafer_yield
GROUP BY ALL
ORDER BY final_yield_pct, product_id, insertion, lot_id
