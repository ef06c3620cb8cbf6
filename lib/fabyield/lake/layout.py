"""The layout of a lake: which tables there are, and what they are called."""

from fabyield.errors import ConfigError
from fabyield.lake.storage import exists, listed, read_text, write_text
from fabyield.lake.table import LAYERS

# To be raised when the lakes of the version before can no longer be used; see docs/upgrading.md.
LAYOUT = 2
MARK = "_layout"


def check_layout(root: str) -> None:
    """Raise ConfigError if the lake at `root` has another layout than LAYOUT."""
    if (found := layout_of(root)) not in (None, str(LAYOUT)):
        raise ConfigError(
            f"{root}: a lake of layout {found}, but this version writes layout {LAYOUT}: read the "
            "landing zone into a new lake (--lake); docs/upgrading.md says how"
        )


def mark_layout(root: str) -> None:
    """Write LAYOUT to a new lake at `root`; raise ConfigError for one that has another."""
    check_layout(root)
    if layout_of(root) is None:
        write_text(f"{root}/{MARK}", f"{LAYOUT}\n")


def layout_of(root: str) -> str | None:
    """Return the layout of the lake at `root`; None if there is no lake yet."""
    if exists(f"{root}/{MARK}"):
        return read_text(f"{root}/{MARK}").strip()
    # Lakes had no mark before layout 2.
    return "1" if any(listed(f"{root}/{layer}") for layer in LAYERS) else None
