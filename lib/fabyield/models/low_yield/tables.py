"""The columns of what a model gives, as Spark schemas; schemas/*.yml declare the same."""

PREDICTION = (
    "fab_id string, wafer_key bigint, lot_id string, wafer_id string, product_id string, "
    "insertion string, model_id string, split string, low_yield_probability double, "
    "predicted_low_yield boolean, low_yield_threshold_pct double, final_yield_pct double, "
    "actual_low_yield boolean"
)
DRIVER = (
    "fab_id string, wafer_key bigint, product_id string, model_id string, driver_rank int, "
    "feature string, feature_value double, contribution double"
)
REPORT = (
    "fab_id string, product_id string, insertion string, model_id string, trained boolean, "
    "reason string, train_lots int, train_wafers int, train_low_wafers int, test_lots int, "
    "test_wafers int, test_low_wafers int, low_yield_threshold_pct double, "
    "decision_threshold double, pr_auc double, pr_auc_all_pass double, pr_auc_lot_mean double, "
    "f1 double, f1_all_pass double, f1_lot_mean double, precision double, recall double, "
    "recall_low double, recall_high double, top_driver string, "
    "drivers array<struct<feature:string,mean_abs_contribution:double>>, model_path string, "
    "model_sha256 string, training_rows_path string, delta_versions map<string,bigint>, "
    "parameters map<string,string>"
)
