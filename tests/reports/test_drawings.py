"""Drawings are well-formed, to scale and the right way up."""

from xml.etree import ElementTree

import pytest

from fabyield.reports.bar_charts import draw_drivers, draw_pareto
from fabyield.reports.lot_chart import draw_lots
from fabyield.reports.lot_yields import product_yields
from fabyield.reports.night_data import BinCount, Die, TopDriver, WaferMap
from fabyield.reports.wafer_map import bin_colours, draw_wafer, legend, orientation

PARETO = [
    BinCount("P1", "CP1", False, "H", 5, "continuity", 60, 60.0, 60.0),
    BinCount("P1", "CP1", False, "H", 7, "leakage", 30, 30.0, 90.0),
    BinCount("P1", "CP1", False, "H", 9, None, 10, 10.0, 100.0),
]
SQUARE = [Die(0, 0, 1, True), Die(1, 0, 5, False), Die(0, 1, 7, False), Die(1, 1, None, None)]


def wafer_map(die, **given):
    return WaferMap("L1", "W01", "CP1", 50.0, die, **given)


def rects(drawing):
    return list(ElementTree.fromstring(drawing).iter("rect"))


def place(drawing, css):
    [die] = [rect for rect in rects(drawing) if rect.get("class") == css]
    return float(die.get("x")), float(die.get("y"))


def test_pareto_bars_are_as_long_as_their_shares():
    widths = [float(bar.get("width")) for bar in rects(draw_pareto(PARETO, {}))]

    assert widths == pytest.approx([6 * widths[2], 3 * widths[2], widths[2]])


def test_pareto_line_rises_by_the_share_of_each_bin_on_the_axis_of_the_bars():
    drawing = draw_pareto(PARETO, {})

    points = ElementTree.fromstring(drawing).find("polyline").get("points").split()
    x = [float(point.split(",")[0]) for point in points]

    widths = [float(bar.get("width")) for bar in rects(drawing)]
    assert [x[1] - x[0], x[2] - x[1]] == pytest.approx(widths[1:])


def test_hard_bin_off_the_maps_never_takes_the_colour_of_one_on_them():
    bars = rects(draw_pareto(PARETO, {7: "bin-1"}))

    assert [bar.get("class") for bar in bars] == ["bin-other", "bin-1", "bin-other"]


def test_driver_bars_are_as_long_as_their_contributions():
    drivers = [TopDriver("P1", "ETCH=E7/B", 0.8), TopDriver("P1", "vth", 0.2)]

    widths = [float(bar.get("width")) for bar in rects(draw_drivers(drivers))]

    assert widths[0] == pytest.approx(4 * widths[1])


def test_drivers_that_contribute_nothing_have_no_length():
    [bar] = rects(draw_drivers([TopDriver("P1", "vth", 0.0)]))

    assert bar.get("width") == "0"


def test_names_with_markup_stay_text_in_a_drawing():
    [bar] = rects(draw_drivers([TopDriver("P1", "</text><script>\x01", 0.5)]))

    assert bar.find("title").text == "</text><script>\ufffd: 0.500"


def test_die_follow_the_prober_directions_of_x_and_y():
    colours = {5: "bin-1", 7: "bin-2"}
    usual = draw_wafer(wafer_map(SQUARE, pos_x="R", pos_y="U"), colours)
    turned = draw_wafer(wafer_map(SQUARE, pos_x="L", pos_y="D"), colours)

    assert (place(usual, "bin-1"), place(usual, "bin-2")) == ((100, 100), (0, 0))
    assert (place(turned, "bin-1"), place(turned, "bin-2")) == ((0, 0), (100, 100))


def test_die_without_a_verdict_is_neither_good_nor_fail():
    swatches = legend([wafer_map(SQUARE)], {5: "bin-1", 7: "bin-2"})

    assert [(s.css, s.die) for s in swatches] == [
        ("bin-good", 1),
        ("bin-1", 1),
        ("bin-2", 1),
        ("bin-unknown", 1),
    ]


def test_tooltip_names_place_bin_and_verdict_of_a_failing_die():
    titles = [rect.find("title").text for rect in rects(draw_wafer(wafer_map(SQUARE), {}))]

    assert titles == [
        "x 1, y 0: hard bin 5, fail",
        "x 0, y 1: hard bin 7, fail",
        "x 1, y 1: no hard bin, no valid verdict",
    ]


def test_most_frequent_fail_bins_get_a_colour_and_passing_bins_none():
    die = [Die(n, 0, 20 + n, False) for n in range(9)] + [Die(0, 1, 28, False), Die(1, 1, 1, True)]

    colours = bin_colours([wafer_map(die)])

    assert list(colours) == [28, 20, 21, 22, 23, 24, 25]


def test_every_die_lies_within_the_wafer_edge():
    die = [Die(x, y, 5, False) for x in range(-3, 4) for y in range(-2, 3)]
    drawing = draw_wafer(wafer_map(die), {})
    edge = ElementTree.fromstring(drawing).find("circle")
    centre, radius = (float(edge.get("cx")), float(edge.get("cy"))), float(edge.get("r"))

    corners = [(float(rect.get("x")), float(rect.get("y"))) for rect in rects(drawing)]

    assert len(corners) == 35
    assert all((x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2 for x, y in corners)


def test_good_die_of_each_hard_bin_are_counted_under_the_pointer():
    die = [Die(0, 0, 1, True), Die(1, 0, 1, True), Die(2, 0, 2, True), Die(3, 0, 1, False)]

    paths = ElementTree.fromstring(draw_wafer(wafer_map(die), {})).iter("path")

    assert [path.find("title").text for path in paths] == [
        "hard bin 1, good: 2 die",
        "hard bin 2, good: 1 die",
    ]


def test_few_die_of_a_wafer_are_not_stretched_into_ribbons():
    die = [Die(7, y, 5, False) for y in range(8)]

    [first, *_] = rects(draw_wafer(wafer_map(die), {}))

    assert float(first.get("width")) == pytest.approx(4 * float(first.get("height")))


def test_notch_is_drawn_only_where_it_was_recorded():
    known, unknown = wafer_map(SQUARE, wf_flat="L", pos_x="R", pos_y="D"), wafer_map(SQUARE)

    assert ElementTree.fromstring(draw_wafer(known, {})).find("polygon") is not None
    assert ElementTree.fromstring(draw_wafer(unknown, {})).find("polygon") is None
    assert orientation(known) == "notch left, x right, y down"
    assert orientation(unknown) == "notch not recorded, x right, y up (assumed)"


def test_map_without_coordinates_is_an_empty_drawing():
    assert len(ElementTree.fromstring(draw_wafer(wafer_map([]), {}))) == 0


def test_higher_yield_is_drawn_higher_and_recovery_lifts_a_wafer(wafer):
    [product] = product_yields([wafer(first_pass_yield_pct=80.0, final_yield_pct=90.0)])

    circles = list(ElementTree.fromstring(draw_lots(product)).iter("circle"))
    first, final = (float(circle.get("cy")) for circle in circles)

    assert first - final == pytest.approx(190 / 2)


def test_line_across_a_lot_is_at_the_yield_of_all_its_die(wafer):
    [product] = product_yields([wafer(tested_die=100, good_die=85, first_pass_yield_pct=80.0)])

    lines = ElementTree.fromstring(draw_lots(product)).iter("line")
    [lot] = [line for line in lines if line.get("class") == "lot"]

    assert float(lot.get("y1")) == float(lot.get("y2")) == 10 + 190 * 15 / 20


def test_wafer_without_a_yield_has_no_mark(wafer):
    [product] = product_yields([wafer(), wafer(wafer_id="W02", final_yield_pct=None)])

    assert len(list(ElementTree.fromstring(draw_lots(product)).iter("g"))) == 1


def test_labels_of_many_lots_do_not_overlap(wafer):
    [product] = product_yields([wafer(lot_id=f"LOT-{n:04d}") for n in range(300)])

    labels = [t for t in ElementTree.fromstring(draw_lots(product)).iter("text")][3:]

    assert 60 < len(labels) < 110
