"""Every table of the pipeline, by name."""

from fabyield.table import Table

STDF_FILES = Table.load("stdf_files")
STDF_WAFERS = Table.load("stdf_wafers")
PARTS = Table.load("parts")
TESTS = Table.load("tests")
TEST_VALUES = Table.load("test_values")
FUNCTIONAL_VALUES = Table.load("functional_values")
MULTI_VALUES = Table.load("multi_values")
BIN_COUNTS = Table.load("bin_counts")
FAB_PRODUCTS = Table.load("fab_products")
FAB_LOTS = Table.load("fab_lots")
FAB_WAFERS = Table.load("fab_wafers")
FAB_PROCESS_HISTORY = Table.load("fab_process_history")
FAB_PCM = Table.load("fab_pcm")

WAFER_REGISTRY = Table.load("wafer_registry")
WAFERS = Table.load("wafers")
TEST_RUNS = Table.load("test_runs")
TOUCHDOWNS = Table.load("touchdowns")
DIE_RESULTS = Table.load("die_results")
TEST_RESULTS = Table.load("test_results")
FUNCTIONAL_RESULTS = Table.load("functional_results")
MULTI_RESULTS = Table.load("multi_results")
PROCESS_HISTORY = Table.load("process_history")
PCM_RESULTS = Table.load("pcm_results")

WAFER_YIELD = Table.load("wafer_yield")
BIN_PARETO = Table.load("bin_pareto")
TEST_SUMMARY = Table.load("test_summary")
YIELD_PREDICTION = Table.load("yield_prediction")
YIELD_DRIVER = Table.load("yield_driver")
MODEL_REPORT = Table.load("model_report")

RUNS = Table.load("runs")
QUARANTINE = Table.load("quarantine")
VALIDATION_RESULTS = Table.load("validation_results")
TABLE_STATISTICS = Table.load("table_statistics")

ALL = {t.table: t for t in list(globals().values()) if isinstance(t, Table)}
