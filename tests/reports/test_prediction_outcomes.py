from fabyield.reports.night_data import Prediction
from fabyield.reports.prediction_outcomes import Outcomes, by_urgency, outcomes


def prediction(wafer_id, probability, actual, split="test"):
    return Prediction("L1", wafer_id, "P1", split, probability, probability > 0.5, actual)


def test_wafers_not_yet_sorted_come_first_then_the_likeliest_low():
    rows = [
        prediction("W1", 0.9, actual=True),
        prediction("W2", 0.1, actual=None, split="unsorted"),
        prediction("W3", 0.6, actual=None, split="unsorted"),
    ]

    assert [p.wafer_id for p in by_urgency(rows)] == ["W3", "W2", "W1"]


def test_wafers_the_model_was_trained_on_prove_nothing():
    rows = [
        prediction("W1", 0.9, actual=True),
        prediction("W2", 0.2, actual=True),
        prediction("W3", 0.8, actual=False),
        prediction("W4", 0.7, actual=False),
        prediction("W5", 0.9, actual=True, split="train"),
    ]

    assert outcomes(rows) == Outcomes(caught=1, missed=1, false_alarms=2, rightly_passed=0)
