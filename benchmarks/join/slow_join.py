"""The script to beat: how a hurried analyst joins wafer IDs to test results with pandas.

    python slow_join.py PARAMETRIC_RESULTS.parquet WAFERS.parquet OUT.csv

PARAMETRIC_RESULTS has lot_id, wafer_id, x_coord, y_coord, test_num, result, test_pass; WAFERS has
lot_id, wafer_id, product_id, chamber. OUT holds, per product, chamber and test: rows, mean result,
pass ratio. It is slow on purpose, and right.
"""

import sys

import pandas as pd


def main(results_path: str, wafers_path: str, out_path: str) -> None:
    """Join and summarise."""
    results = pd.read_parquet(results_path)
    wafers = pd.read_parquet(wafers_path)
    joined = pd.DataFrame()
    for _, wafer in wafers.iterrows():
        rows = results[
            (results["lot_id"] == wafer["lot_id"]) & (results["wafer_id"] == wafer["wafer_id"])
        ].copy()
        rows["product_id"] = wafer["product_id"]
        rows["chamber"] = wafer["chamber"]
        joined = pd.concat([joined, rows])
    summary = []
    for (product, chamber, test), rows in joined.groupby(["product_id", "chamber", "test_num"]):
        passed = rows.apply(lambda row: 1 if row["test_pass"] else 0, axis=1)
        summary.append([product, chamber, test, len(rows), rows["result"].mean(), passed.mean()])
    columns = ["product_id", "chamber", "test_num", "rows", "mean_result", "pass_ratio"]
    pd.DataFrame(summary, columns=columns).to_csv(out_path, index=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
