"""STDF files as testers write them: one file per wafer, or per lot of packages."""

from io import BytesIO

from fabsim.line.lot_renames import lot_ids
from fabsim.plan.final_test import Mark
from fabsim.testers.result_records import HEAD, byte_order, result_records
from fabsim.testers.sessions import Session
from fabsim.testers.summary_records import summary_records, wafer_counts
from fabyield.stdf import Writer

MILLIMETRES = 3


def stdf_file(session: Session) -> bytes:
    """Return the session's whole file; equal sessions give equal bytes."""
    out = BytesIO()
    finish_t, wafer_id = session.finish_t, session.wafer_id
    with Writer(out, byte_order(session)) as writer:
        _write_head(writer, session)
        if session.slot:
            writer.write(
                "WIR", head_num=HEAD, site_grp=1, start_t=session.start_t, wafer_id=wafer_id
            )
        writer.write_ordered(result_records(session))
        if session.slot:
            counts = wafer_counts(session)
            writer.write(
                "WRR", head_num=HEAD, site_grp=1, finish_t=finish_t, wafer_id=wafer_id, **counts
            )
        writer.write_ordered(summary_records(session))
        writer.write("MRR", finish_t=finish_t, disp_cod=" ")
    return out.getvalue()


def _write_head(writer: Writer, session: Session) -> None:
    insertion, habits, product = session.program.insertion, session.habits, session.product
    run = session.run
    writer.write(
        "MIR",
        setup_t=session.setup_t,
        start_t=session.start_t,
        stat_num=1,
        mode_cod=run.mode_cod,
        **({"rtst_cod": str(run.rescreen)} if Mark.RTST_COD in run.marks else {}),
        lot_id=session.lot_id,
        part_typ=product.product_id,
        node_nam=session.place.node_nam,
        tstr_typ=habits.tstr_typ,
        job_nam=insertion.job_nam.format(product=product.product_id.lower()),
        job_rev=session.job_rev,
        # Of packages: the lot of their first wafer.
        sblot_id="" if session.slot else lot_ids(session.line.plan, session.lot)[0],
        oper_nam=habits.oper_nam,
        exec_typ="simulated",
        flow_id=insertion.insertion,
    )
    if Mark.RDR in run.marks:
        writer.write("RDR", rtst_bin=session.retest_bins)
    sites = list(range(1, insertion.sites + 1))
    writer.write("SDR", head_num=HEAD, site_grp=1, site_num=sites)
    if session.slot:
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
