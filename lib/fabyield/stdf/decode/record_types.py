"""What the scan must know of each type of record."""

from functools import cache

import numpy as np

from fabyield.stdf.compiled import headers
from fabyield.stdf.compiled.headers import Types
from fabyield.stdf.decode.layouts import layouts
from fabyield.stdf.spec.records import NAMES, RECORDS, VENDOR_TYPES

ROLES = {
    **{"FAR": headers.FAR, "PIR": headers.PIR, "PRR": headers.PRR, "WIR": headers.WIR},
    **{"WRR": headers.WRR, "SDR": headers.SITES},
    **dict.fromkeys(("PTR", "MPR", "FTR"), headers.TEST),
}
# After a damaged stretch, a header with a shorter body than this is not taken for a real one.
LEAST = {
    **{"MIR": 15, "MRR": 4, "PCR": 6, "HBR": 8, "SBR": 8, "PMR": 4, "PGR": 3, "SDR": 3},
    **{"WIR": 6, "WRR": 6, "WCR": 4, "PIR": 2, "PRR": 7, "TSR": 7, "PTR": 8, "MPR": 8, "FTR": 7},
    **{"ATR": 5, "RDR": 2, "STR": 12, "DTR": 1, "GDR": 2, "PLR": 2},
}


@cache
def types() -> Types:
    """Return the role and the least size of every record code."""
    role, least = np.zeros((2, 2**16), np.uint8)
    role[list(NAMES)] = headers.PLAIN
    for name, value in ROLES.items():
        role[RECORDS[name].code] = value
    for name, value in LEAST.items():
        least[RECORDS[name].code] = value
    for vendor in VENDOR_TYPES:
        role[vendor << 8 : (vendor + 1) << 8] = headers.VENDOR
    return Types(role, least, layouts())
