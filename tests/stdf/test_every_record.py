"""Every record, every field: reading returns what was written, and writing it again the bytes."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabyield.stdf import RECORDS, Writer
from fabyield.stdf.decode.scan import scan
from fabyield.stdf.decode.single_records import decode_records
from tests.stdf.conftest import by_pystdf
from tests.stdf.strategies import records

NAMES = [name for name in RECORDS if name != "FAR"]
ORDERS = pytest.mark.parametrize("byte_order", ["<", ">"])
# pystdf is of V4 alone.
NEWER = ("VUR", "PSR", "NMR", "CNR", "SSR", "CDR", "STR")


def written(given_records, byte_order):
    out = io.BytesIO()
    Writer(out, byte_order).write_all(given_records)
    return out.getvalue()


def chain_of(content):
    data = np.frombuffer(content, np.uint8)
    data.flags.writeable = False
    return next(scan([data], "test"))


def read_back(content):
    chain = chain_of(content)
    found = [(name, fields) for name, _, fields in decode_records(chain)][1:]
    assert not chain.refused
    return found


@ORDERS
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read_and_written_again(data, name, byte_order):
    record = RECORDS[name]
    many = data.draw(st.lists(records(record), min_size=1, max_size=4))
    content = written([(name, fields) for fields in many], byte_order)

    back = read_back(content)

    for fields, (_, found) in zip(many, back, strict=True):
        beyond = [found[key] for key in found if key not in fields]
        assert all(value in (None, []) for value in beyond), "takes no bytes"
        counted = {"fld_cnt"} if name == "GDR" else set()
        assert {k: found[k] for k in fields if k not in counted} == {
            k: v for k, v in fields.items() if k not in counted
        }
    assert written(back, byte_order) == content


@ORDERS
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_records_of_all_kinds_are_in_file_order(data, byte_order):
    names = data.draw(st.lists(st.sampled_from(NAMES), max_size=12))
    drawn = [(name, data.draw(records(RECORDS[name]))) for name in names]
    content = written(drawn, byte_order)
    chain = chain_of(content)

    found = list(decode_records(chain))

    assert [name for name, _, _ in found] == ["FAR", *names]
    assert [offset for _, offset, _ in found] == chain.starts.tolist()


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, deadline=None)
@given(body=st.binary(max_size=60) | st.lists(st.integers(0, 3), max_size=90).map(bytes))
def test_any_body_is_read_or_refused_and_what_is_read_can_be_written(body, name):
    record = RECORDS[name]
    header = struct.pack("<HBB", len(body), record.type, record.subtype)
    chain = chain_of(written([], "<") + header + body)

    found = list(decode_records(chain))[1:]

    assert len(found) + len(chain.refused) == 1
    written([(name, fields) for _, _, fields in found], "<")


def comparable(record, fields):
    """What pystdf gives as it is; it packs half bytes, and takes bits for a list of bytes."""
    for field in record.fields:
        value = fields.get(field.name)
        if value is not None and field.type != "N1":
            value = value.data if field.type == "Dn" else value
            yield field.name, list(value) if isinstance(value, bytes) else value


def after_counts(record):
    """pystdf does not read a record that ends before a count of it."""
    counts = [record.places[field.count] + 1 for field in record.fields if field.count]
    return max(counts, default=0)


def is_ascii(values):
    return all(str(value).isascii() for value in values.values())


@ORDERS
@pytest.mark.parametrize("name", [name for name in NAMES if name not in (*NEWER, "GDR", "EPS")])
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_pystdf_reads_the_same_values(data, name, byte_order):
    record = RECORDS[name]
    fields = data.draw(records(record, after_counts(record)).filter(is_ascii))
    (_, seen) = by_pystdf(written([(name, fields)], byte_order))[-1]

    for key, value in comparable(record, fields):
        assert seen[key] == value, key
