"""The features that a model was trained on, by name and in order."""

from dataclasses import dataclass

from pyspark.sql import DataFrame

from fabyield.errors import ModelError


@dataclass(frozen=True)
class Features:
    """Names of a model's features in order; levels are 0 or 1, measures may be NaN."""

    levels: tuple[str, ...]
    measures: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All names, levels first."""
        return self.levels + self.measures


def check_features(rows: DataFrame, features: Features) -> None:
    """Raise ModelError, naming them, if features are missing, unknown or in another order."""
    given = rows.schema["features"].metadata.get("names", []) if "features" in rows.columns else []
    expected = features.names
    missing, unknown = sorted(set(expected) - set(given)), sorted(set(given) - set(expected))
    if missing or unknown:
        raise ModelError(
            f"features do not fit the model: missing {missing}, unknown {unknown}; "
            "make the rows with wafer_features and the model's own features"
        )
    moved = [f"{e} (got {g})" for e, g in zip(expected, given, strict=True) if e != g]
    if moved:
        raise ModelError(f"features are in another order than the model's: expected {moved}")
