"""The layout of a lake: which tables there are, and what they are called."""

from fabyield.errors import ConfigError
from fabyield.lake.storage import exists, listed, read_text, write_text
from fabyield.lake.table import LAYERS

# To be raised when the lakes of the version before can no longer be used; see docs/upgrading.md.
LAYOUT = 2
MARK = "_layout"


def check_layout(root: str) -> bool:
    """Return whether there is a lake at `root`; raise ConfigError if its layout is not LAYOUT."""
    if exists(f"{root}/{MARK}"):
        found = read_text(f"{root}/{MARK}").strip()
    elif any(listed(f"{root}/{layer}") for layer in LAYERS):
        # Lakes had no mark before layout 2.
        found = "1"
    else:
        return False
    if found != str(LAYOUT):
        raise ConfigError(
            f"{root}: a lake of layout {found}, but this version writes layout {LAYOUT}: read the "
            "landing zone into a new lake (--lake); docs/upgrading.md says how"
        )
    return True


def mark_layout(root: str) -> None:
    """Write LAYOUT to a new lake at `root`; raise ConfigError for one that has another."""
    if not check_layout(root):
        write_text(f"{root}/{MARK}", f"{LAYOUT}\n")
