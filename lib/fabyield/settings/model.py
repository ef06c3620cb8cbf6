"""What can be set about the model, with the bounds each number must keep."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fabyield.errors import ConfigError

Parameter = int | float | str

PARAMETERS: dict[str, Parameter] = {
    "n_estimators": 100,
    "max_depth": 3,
    "learning_rate": 0.1,
    "min_child_weight": 5.0,
    "reg_alpha": 0.5,
    "reg_lambda": 1.0,
    "tree_method": "hist",
}

BOUNDS: dict[str, tuple[float, float]] = {
    "test_lot_share": (0.0, 0.9),
    "validation_lot_share": (0.0, 0.9),
    "low_yield_sigmas": (0.5, 20.0),
    "min_sigma_pct": (0.0, 50.0),
    "min_low_wafers": (1, 1_000_000),
    "lot_mean_lots": (1, 1_000),
    "drivers_per_wafer": (1, 1_000),
    "num_workers": (1, 10_000),
}


@dataclass(frozen=True)
class ModelSettings:
    """The `model:` part of conf; raises ConfigError for a number out of its bounds.

    `sort_started_column` names the column of wafer_yield that says when the sort began; where it
    is set, steps and PCM values from that moment on are no features. `parameters` go to XGBoost
    as they are: `reg_alpha` is L1, `reg_lambda` is L2.
    """

    insertion: str = "CP1"
    sort_started_column: str | None = None
    test_lot_share: float = 0.35
    validation_lot_share: float = 0.25
    low_yield_sigmas: float = 3.0
    min_sigma_pct: float = 0.5
    min_low_wafers: int = 5
    lot_mean_lots: int = 3
    drivers_per_wafer: int = 10
    num_workers: int = 2
    seed: int = 7
    parameters: Mapping[str, Parameter] = field(default_factory=lambda: dict(PARAMETERS))

    def __post_init__(self) -> None:
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"model.{name} is {value}: set it between {low} and {high}")
