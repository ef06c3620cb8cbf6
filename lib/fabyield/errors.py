"""Everything this package raises on purpose."""


class FabYieldError(Exception):
    """Base of all errors below, so that a caller can catch the lot."""


class ConfigError(FabYieldError):
    """A setting, an option or the environment is wrong; nothing was run."""


class ContractError(ConfigError):
    """A schema or expectation file is wrong, or two of them disagree."""


class DataQualityError(FabYieldError):
    """Data broke an expectation of severity `error`; nothing of the batch was published."""


class AccountingError(DataQualityError):
    """Rows in differ from rows out + quarantined + duplicates."""


class StdfError(FabYieldError):
    """A file is not STDF, or a record cannot be written as STDF."""


class ModelError(FabYieldError):
    """A model file or its features are not what was stored with it."""
