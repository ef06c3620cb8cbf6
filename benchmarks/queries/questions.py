"""What is asked, in SQL that every engine takes; tables and keys stand in braces."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Keys:
    """Wafers `first` to `last` were tested in a month, `lot` and `wafer` are some of them."""

    wafer: int
    lot: list[int]
    first: int
    last: int
    test: int

    @property
    def literals(self) -> dict[str, str]:
        """The keys as they stand in SQL: whole numbers all."""
        numbers = {name: value for name, value in asdict(self).items() if name != "lot"}
        return {n: str(int(v)) for n, v in numbers.items()} | {
            "lot": ", ".join(str(int(key)) for key in self.lot)
        }


QUESTIONS = {
    "one wafer": """
        SELECT test_num, count(*) AS results, avg(result) AS mean FROM {parametric_results}
        WHERE wafer_key = {wafer} GROUP BY test_num ORDER BY test_num""",
    "one test over a month": """
        SELECT wafer_key, count(*) AS results, avg(result) AS mean FROM {parametric_results}
        WHERE test_num = {test} AND wafer_key BETWEEN {first} AND {last}
        GROUP BY wafer_key ORDER BY wafer_key""",
    "one lot's bins": """
        SELECT final_hard_bin, count(*) AS die FROM {die_results}
        WHERE wafer_key IN ({lot}) GROUP BY final_hard_bin ORDER BY final_hard_bin""",
    "low yield by chamber": """
        SELECT h.equipment_id, h.chamber_id, count(*) AS wafers, avg(y.final_yield_pct) AS mean
        FROM {wafer_yield} y JOIN {process_history_at_test} h ON y.wafer_key = h.wafer_key
        WHERE h.process_step = 'etch_gate' AND h.wafer_key BETWEEN {first} AND {last}
        AND y.wafer_key BETWEEN {first} AND {last}
        GROUP BY h.equipment_id, h.chamber_id ORDER BY h.equipment_id, h.chamber_id""",
}
LAYERS = {
    "parametric_results": "silver",
    "die_results": "silver",
    "wafer_yield": "gold",
    "process_history_at_test": "silver",
}


def tables(question: str) -> list[str]:
    """The tables that a question is asked of, without their layers."""
    return [name for name in LAYERS if f"{{{name}}}" in QUESTIONS[question]]
