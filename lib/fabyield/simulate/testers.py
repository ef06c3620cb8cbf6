"""What a tester writes: one STDF file for each wafer, with its own habits."""

import gzip
from io import BytesIO

from fabyield.simulate.measurements import HEAD, byte_order, measurements
from fabyield.simulate.prober_queue import Session
from fabyield.simulate.summaries import summaries, wafer_counts
from fabyield.stdf import Writer

MILLIMETRES = 3


def file_name(session: Session) -> str:
    """Product, lot, slot and insertion, as the testers' host names its files."""
    product = session.prober.plan.product
    wafer = f"{product.product_id}_{session.lot.lot_id}_{session.wafer.wafer_id}"
    return f"{wafer}_{product.flow_id.lower()}.stdf.gz"


def stdf_file(session: Session) -> bytes:
    """Give the session's whole file, compressed; equal sessions give equal bytes."""
    out = BytesIO()
    with Writer(out, byte_order(session)) as writer:
        _write_head(writer, session)
        writer.write_ordered(measurements(session))
        _write_wafer_result(writer, session)
        writer.write_ordered(summaries(session))
        writer.write("MRR", finish_t=session.finish_t, disp_cod=" ")
    return gzip.compress(out.getvalue(), compresslevel=1, mtime=0)


def _write_head(writer: Writer, session: Session) -> None:
    plan = session.prober.plan
    product, sites = plan.product, list(range(1, plan.probe.sites + 1))
    writer.write(
        "MIR",
        setup_t=session.setup_t,
        start_t=session.start_t,
        stat_num=1,
        mode_cod="P",
        lot_id=session.lot.lot_id,
        part_typ=product.product_id,
        node_nam=session.tester.node_nam,
        tstr_typ=session.tester.tstr_typ,
        job_nam=product.job_nam,
        job_rev=product.job_rev,
        oper_nam=session.tester.oper_nam,
        exec_typ="simulated",
        flow_id=product.flow_id,
    )
    writer.write("SDR", head_num=HEAD, site_grp=1, site_num=sites)
    writer.write(
        "WCR",
        wafr_siz=product.wafer_diameter_mm,
        die_ht=product.die_height_mm,
        die_wid=product.die_width_mm,
        wf_units=MILLIMETRES,
        wf_flat="D",
        center_x=0,
        center_y=0,
        pos_x="R",
        pos_y="U",
    )
    spelling = _wafer_id(session)
    writer.write("WIR", head_num=HEAD, site_grp=1, start_t=session.start_t, wafer_id=spelling)


def _write_wafer_result(writer: Writer, session: Session) -> None:
    writer.write(
        "WRR",
        head_num=HEAD,
        site_grp=1,
        finish_t=session.finish_t,
        **wafer_counts(session),
        wafer_id=_wafer_id(session),
    )


def _wafer_id(session: Session) -> str:
    slot, lot = session.wafer.slot, session.lot.lot_id
    return session.tester.wafer_id.format(slot=slot, lot=lot)
