from fabyield.reports.lot_yields import insertion_counts, product_yields, worst_wafers


def test_lot_yield_weighs_wafers_by_their_die(wafer):
    full = wafer(wafer_id="W1", tested_die=300, first_pass_die=240, good_die=270)
    broken = wafer(wafer_id="W2", tested_die=100, first_pass_die=20, good_die=30)

    [product] = product_yields([full, broken])

    assert product.lots[0].final_yield_pct == 75.0
    assert product.lots[0].first_pass_yield_pct == 65.0
    assert product.final_yield_pct == 75.0


def test_insertions_of_a_wafer_are_never_added_up(wafer):
    products = product_yields([wafer(insertion="CP1"), wafer(insertion="CP2")])

    assert [(p.insertion, p.tested_die) for p in products] == [("CP1", 100), ("CP2", 100)]


def test_packages_that_share_an_insertion_with_wafers_stand_apart(wafer):
    packages = wafer(wafer_id="-", is_packaged=True, tested_die=7)

    products = product_yields([wafer(), packages])

    assert [(p.is_packaged, p.tested_die) for p in products] == [(False, 100), (True, 7)]
    assert (products[1].lowest, products[1].lots[0].highest) == (None, None)
    counts = insertion_counts([packages, wafer()])
    found = [(one.is_packaged, one.lots, one.wafers, one.parts) for one in counts]
    assert found == [(False, 1, 1, 100), (True, 1, 0, 7)]


def test_lots_keep_their_order_and_wafers_are_sorted_by_id(wafer):
    rows = [
        wafer(lot_id="L9", wafer_id="W10"),
        wafer(lot_id="L9", wafer_id="W2"),
        wafer(lot_id="L1"),
    ]

    [product] = product_yields(rows)

    assert [lot.lot_id for lot in product.lots] == ["L9", "L1"]
    assert [w.wafer_id for w in product.lots[0].wafers] == ["W2", "W10"]


def test_gross_die_yield_of_a_lot_needs_the_gross_die_of_every_wafer(wafer):
    known, unknown = wafer(gross_die=190, good_die=95), wafer(gross_die=None)

    assert product_yields([known])[0].gross_die_yield_pct == 50.0
    assert product_yields([known, unknown])[0].gross_die_yield_pct is None


def test_wafer_without_a_yield_is_not_the_worst(wafer):
    low, none = wafer(final_yield_pct=40.0), wafer(final_yield_pct=None)

    assert worst_wafers([wafer(), none, low]) == [low, wafer()]
