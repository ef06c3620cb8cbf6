"""All tables of the pipeline, by name."""

from fabyield.lake.table import Table

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
FAB_LOT_HISTORY = Table.load("fab_lot_history")
FAB_ASSEMBLY = Table.load("fab_assembly")

WAFER_REGISTRY = Table.load("wafer_registry")
WAFER_NAMES = Table.load("wafer_names")
WAFERS = Table.load("wafers")
TRUNCATED_FILES = Table.load("truncated_files")
WAFER_RUNS = Table.load("wafer_runs")
TOUCHDOWNS = Table.load("touchdowns")
DIE_RESULTS = Table.load("die_results")
PARAMETRIC_RESULTS = Table.load("parametric_results")
FUNCTIONAL_RESULTS = Table.load("functional_results")
MULTI_RESULTS = Table.load("multi_results")
PROCESS_HISTORY = Table.load("process_history")
PCM_RESULTS = Table.load("pcm_results")
INSERTIONS = Table.load("insertions")
PROCESS_HISTORY_AT_TEST = Table.load("process_history_at_test")
PCM_AT_TEST = Table.load("pcm_at_test")
PACKAGED_PARTS = Table.load("packaged_parts")

WAFER_YIELD = Table.load("wafer_yield")
BIN_PARETO = Table.load("bin_pareto")
PARAMETRIC_SUMMARY = Table.load("parametric_summary")
ZONE_YIELD = Table.load("zone_yield")
COMMONALITY = Table.load("commonality")
EXCURSION = Table.load("excursion")
EXCURSION_EVIDENCE = Table.load("excursion_evidence")
YIELD_PREDICTION = Table.load("yield_prediction")
YIELD_DRIVER = Table.load("yield_driver")
MODEL_REPORT = Table.load("model_report")

RUNS = Table.load("runs")
QUARANTINE = Table.load("quarantine")
METRIC_HISTORY = Table.load("metric_history")
VALIDATION_RESULTS = Table.load("validation_results")
TABLE_STATISTICS = Table.load("table_statistics")
FACTORY_READS = Table.load("factory_reads")

ALL = {t.table: t for t in list(globals().values()) if isinstance(t, Table)}


def is_derived(table: Table) -> bool:
    """Return whether `table` can be rebuilt from bronze; the registry's wafer keys cannot."""
    return table.layer in ("silver", "gold") and table is not WAFER_REGISTRY
