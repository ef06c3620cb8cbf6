"""Who judges."""

OURS, GX, FLOOR = "fabyield", "Great Expectations", "Spark aggregate"
ABOUT = {
    OURS: "fabyield.quality.expectations: BOOLEAN_ONLY for all, SUMMARY for what is broken",
    GX: "one suite, SUMMARY for all",
    FLOOR: "the same counts, written by hand",
}
