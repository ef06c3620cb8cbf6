"""Meaning of flag bits and of special numbers. Source: STDF V4."""

# TEST_FLG of PTR, MPR and FTR.
NO_RESULT, NOT_EXECUTED, NO_TEST_VERDICT, TEST_FAILED = 2, 16, 64, 128
RESULT_INVALID = 0b0011_1111
# PARM_FLG of PTR and MPR.
PARAMETER_INVALID = 0b0000_0111
# PART_FLG of PRR; the first two say that the part supersedes one of the same part ID or place.
PART_ID_FLAG, COORDINATE_FLAG, ABNORMAL, PART_FAILED, NO_PART_VERDICT = 1, 2, 4, 8, 16
SUPERSEDES = PART_ID_FLAG | COORDINATE_FLAG
# Head, site or site group number that means all of them.
ALL = 255
# HARD_BIN and SOFT_BIN of a part that has none.
NO_BIN = 65_535
# The spaces, line ends and control characters that testers pad texts with.
PADDING = "".join(map(chr, range(33))) + "\x7f\xa0"
