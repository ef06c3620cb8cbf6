from fabyield.tables import FAB_PCM, FAB_PROCESS_HISTORY, WAFERS
from fabyield.transforms.history import pcm_results, process_history

KNOWN = {"fab_id": "F1", "lot_id": "A", "wafer_id": "02", "wafer_key": 5, "batch": 9}
PLACE = {"fab_id": "F1", "lot_id": "A", "wafer_id": "02"}


def test_steps_stand_under_their_wafers_key_and_no_other(rows):
    steps = rows(
        FAB_PROCESS_HISTORY,
        PLACE | {"step_seq": 1, "chamber_id": "A"},
        PLACE | {"step_seq": 2, "chamber_id": "B"},
        PLACE | {"step_seq": 1, "chamber_id": "C", "lot_id": "B"},
    )

    actual = process_history(steps, rows(WAFERS, KNOWN))

    chosen = actual.select("wafer_key", "step_seq", "chamber_id").collect()
    assert sorted(chosen) == [(5, 1, "A"), (5, 2, "B")]


def test_pcm_result_keeps_its_value_and_leaves_the_batch_to_the_write(rows):
    measured = rows(FAB_PCM, PLACE | {"pcm_test": "vth_n", "pcm_value": 0.42})

    actual = pcm_results(measured, rows(WAFERS, KNOWN))

    assert actual.select("wafer_key", "pcm_test", "pcm_value").collect() == [(5, "vth_n", 0.42)]
    assert "batch" not in actual.columns
