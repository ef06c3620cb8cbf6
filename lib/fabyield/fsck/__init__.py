"""Whether the tables of a lake are whole on disk, and what mends those that are not."""

from fabyield.fsck.checking import check
from fabyield.fsck.finding import Finding
from fabyield.fsck.mending import mend

__all__ = ["Finding", "check", "mend"]
