"""What a tester writes: one STDF file for each wafer, or for a lot's packages, in its own way."""

from io import BytesIO

from fabsim.line.lot_renames import lot_ids
from fabsim.testers.result_records import HEAD, byte_order, measurements
from fabsim.testers.sessions import Session
from fabsim.testers.summary_records import summaries, wafer_counts
from fabyield.stdf import Writer

MILLIMETRES = 3


def stdf_file(session: Session) -> bytes:
    """Give the session's whole file; equal sessions give equal bytes."""
    out = BytesIO()
    with Writer(out, byte_order(session)) as writer:
        _write_head(writer, session)
        if session.slot:
            _write_wafer(writer, session)
        writer.write_ordered(measurements(session))
        if session.slot:
            _write_wafer_result(writer, session)
        writer.write_ordered(summaries(session))
        writer.write("MRR", finish_t=session.finish_t, disp_cod=" ")
    return out.getvalue()


def _write_head(writer: Writer, session: Session) -> None:
    insertion, habits = session.program.insertion, session.habits
    writer.write(
        "MIR",
        setup_t=session.setup_t,
        start_t=session.start_t,
        stat_num=1,
        mode_cod="P",
        lot_id=session.lot_id,
        part_typ=session.product.product_id,
        node_nam=session.place.node_nam,
        tstr_typ=habits.tstr_typ,
        job_nam=insertion.job_nam.format(product=session.product.product_id.lower()),
        job_rev=session.job_rev,
        sblot_id="" if session.slot else _parent(session),
        oper_nam=habits.oper_nam,
        exec_typ="simulated",
        flow_id=insertion.insertion,
    )
    sites = list(range(1, insertion.sites + 1))
    writer.write("SDR", head_num=HEAD, site_grp=1, site_num=sites)


def _parent(session: Session) -> str:
    """The lot that packages come from, as its first wafer is known in the end."""
    plan = session.built.plan
    return lot_ids(plan, session.lot, len(plan.route))[0]


def _write_wafer(writer: Writer, session: Session) -> None:
    product = session.product
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
    start_t, wafer_id = session.start_t, session.wafer_id
    writer.write("WIR", head_num=HEAD, site_grp=1, start_t=start_t, wafer_id=wafer_id)


def _write_wafer_result(writer: Writer, session: Session) -> None:
    finish_t, wafer_id = session.finish_t, session.wafer_id
    counts = wafer_counts(session)
    writer.write("WRR", head_num=HEAD, site_grp=1, finish_t=finish_t, **counts, wafer_id=wafer_id)
