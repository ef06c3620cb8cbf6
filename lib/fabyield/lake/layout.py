"""The layout of a lake: which tables there are, and what they are called."""

from fabyield.errors import ConfigError
from fabyield.lake.storage import exists, listed, read_text, write_text

# Raised whenever a lake of the version before can no longer be gone on with; docs/upgrading.md.
LAYOUT = 2
LAYERS = ("bronze", "silver", "gold", "ops")


def check_layout(root: str) -> None:
    """Mark a new lake at `root` with LAYOUT; raise ConfigError for one that has another."""
    mark = f"{root}/_layout"
    if exists(mark):
        found = read_text(mark).strip()
    elif any(listed(f"{root}/{layer}") for layer in LAYERS):
        found = "1"
    else:
        write_text(mark, f"{LAYOUT}\n")
        return
    if found != str(LAYOUT):
        raise ConfigError(
            f"{root}: a lake of layout {found}, but this version writes layout {LAYOUT}: read the "
            "landing zone into a new lake (--lake); docs/upgrading.md says how"
        )
