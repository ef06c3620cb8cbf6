"""Every STDF V4 record, declared once; both the reader and the writer follow it."""

import re
from types import MappingProxyType
from typing import Final

from fabyield.stdf.spec.fields import Field, Record, record

__all__ = ["NAMES", "RECORDS", "VENDOR_TYPES", "Field", "Record", "name_of", "record_of"]

VENDOR_TYPES: Final = (180, 181)

_NO_COUNT = 2**32 - 1
_COUNTS = " ".join(
    f"{name}:U4={_NO_COUNT}"
    for name in ("part_cnt", "rtst_cnt", "abrt_cnt", "good_cnt", "func_cnt")
)
_LIMITS = """res_scal:I1?opt_flag&1 llm_scal:I1?opt_flag&80 hlm_scal:I1?opt_flag&160
    lo_limit:R4?opt_flag&80 hi_limit:R4?opt_flag&160"""
_FORMATS = "c_resfmt:Cn c_llmfmt:Cn c_hlmfmt:Cn lo_spec:R4?opt_flag&4 hi_spec:R4?opt_flag&8"
_PSR = """cont_flg:B1 psr_indx:U2 psr_nam:Cn opt_flg:B1 totp_cnt:U2 locp_cnt:U2
    pat_bgn:U8*locp_cnt pat_end:U8*locp_cnt pat_file:Cn*locp_cnt
    pat_lbl:Cn*locp_cnt@opt_flg&1=0 file_uid:Cn*locp_cnt@opt_flg&2=0
    atpg_dsc:Cn*locp_cnt@opt_flg&4=0 src_id:Cn*locp_cnt@opt_flg&8=0"""
_PIN_NAMES = "totm_cnt:U2 locm_cnt:U2 pmr_indx:U2*locm_cnt atpg_nam:Cn*locm_cnt"
_STR = """cont_flg:B1 test_num:U4 head_num:U1 site_num:U1 psr_ref:U2 test_flg:B1 log_typ:Cn
    test_txt:Cn alarm_id:Cn prog_txt:Cn rslt_txt:Cn z_val:U1 fmu_flg:B1 mask_map:Dn@fmu_flg&3=1
    fal_map:Dn@fmu_flg&12=4 cyc_cnt:U8 totf_cnt:U4 totl_cnt:U4 cyc_base:U8 bit_base:U4 cond_cnt:U2
    lim_cnt:U2 cyc_size:U1 pmr_size:U1 chn_size:U1 pat_size:U1 bit_size:U1 u1_size:U1 u2_size:U1
    u3_size:U1 utx_size:U1 cap_bgn:U2 lim_indx:U2*lim_cnt lim_spec:U4*lim_cnt cond_lst:Cn*cond_cnt
    cyco_cnt:U2 cyc_ofst:Uf/cyc_size*cyco_cnt pmr_cnt:U2 pmr_indx:Uf/pmr_size*pmr_cnt chn_cnt:U2
    chn_num:Uf/chn_size*chn_cnt exp_cnt:U2 exp_data:U1*exp_cnt cap_cnt:U2 cap_data:U1*cap_cnt
    new_cnt:U2 new_data:U1*new_cnt pat_cnt:U2 pat_num:Uf/pat_size*pat_cnt bpos_cnt:U2
    bit_pos:Uf/bit_size*bpos_cnt usr1_cnt:U2 usr1:Uf/u1_size*usr1_cnt usr2_cnt:U2
    usr2:Uf/u2_size*usr2_cnt usr3_cnt:U2 usr3:Uf/u3_size*usr3_cnt txt_cnt:U2
    user_txt:Cf/utx_size*txt_cnt"""


def _unconditional(fields: str) -> str:
    return re.sub(r"@\S+", "", fields)


# Name, type, subtype, fields; indented lines continue the one above.
_DECLARED = f"""\
FAR 0 10 cpu_type:U1 stdf_ver:U1+4
ATR 0 20 mod_tim:U4 cmd_line:Cn
VUR 0 30 upd_cnt:U1 upd_nam:Cn*upd_cnt | upd_nam:Cn*1
MIR 1 10 setup_t:U4 start_t:U4 stat_num:U1 mode_cod:C1 rtst_cod:C1 prot_cod:C1 burn_tim:U2=65535
    cmod_cod:C1 lot_id:Cn part_typ:Cn node_nam:Cn tstr_typ:Cn job_nam:Cn job_rev:Cn sblot_id:Cn
    oper_nam:Cn exec_typ:Cn exec_ver:Cn test_cod:Cn tst_temp:Cn user_txt:Cn aux_file:Cn pkg_typ:Cn
    famly_id:Cn date_cod:Cn facil_id:Cn floor_id:Cn proc_id:Cn oper_frq:Cn spec_nam:Cn spec_ver:Cn
    flow_id:Cn setup_id:Cn dsgn_rev:Cn eng_id:Cn rom_cod:Cn serl_num:Cn supr_nam:Cn
MRR 1 20 finish_t:U4 disp_cod:C1 usr_desc:Cn exc_desc:Cn
PCR 1 30 head_num:U1 site_num:U1 {_COUNTS}
HBR 1 40 head_num:U1 site_num:U1 hbin_num:U2 hbin_cnt:U4 hbin_pf:C1 hbin_nam:Cn
SBR 1 50 head_num:U1 site_num:U1 sbin_num:U2 sbin_cnt:U4 sbin_pf:C1 sbin_nam:Cn
PMR 1 60 pmr_indx:U2 chan_typ:U2 chan_nam:Cn phy_nam:Cn log_nam:Cn head_num:U1+1 site_num:U1+1
PGR 1 62 grp_indx:U2 grp_nam:Cn indx_cnt:U2 pmr_indx:U2*indx_cnt
PLR 1 63 grp_cnt:U2 grp_indx:U2*grp_cnt grp_mode:U2*grp_cnt grp_radx:U1*grp_cnt
    pgm_char:Cn*grp_cnt rtn_char:Cn*grp_cnt pgm_chal:Cn*grp_cnt rtn_chal:Cn*grp_cnt
RDR 1 70 num_bins:U2 rtst_bin:U2*num_bins
SDR 1 80 head_num:U1 site_grp:U1 site_cnt:U1 site_num:U1*site_cnt hand_typ:Cn hand_id:Cn
    card_typ:Cn card_id:Cn load_typ:Cn load_id:Cn dib_typ:Cn dib_id:Cn cabl_typ:Cn cabl_id:Cn
    cont_typ:Cn cont_id:Cn lasr_typ:Cn lasr_id:Cn extr_typ:Cn extr_id:Cn
PSR 1 90 {_PSR} | {_unconditional(_PSR)}
NMR 1 91 cont_flg:B1 {_PIN_NAMES} | cont_flg:B1 nmr_indx:U2 {_PIN_NAMES}
CNR 1 92 chn_num:U2 bit_pos:U4 cell_nam:Sn
SSR 1 93 ssr_nam:Cn chn_cnt:U2 chn_list:U2*chn_cnt
CDR 1 94 cont_flg:B1 cdr_indx:U2 chn_nam:Cn chn_len:U4 sin_pin:U2=0 sout_pin:U2=0 mstr_cnt:U1
    m_clks:U2*mstr_cnt slav_cnt:U1 s_clks:U2*slav_cnt inv_val:U1=255 lst_cnt:U2 cell_lst:Sn*lst_cnt
WIR 2 10 head_num:U1 site_grp:U1=255 start_t:U4 wafer_id:Cn
WRR 2 20 head_num:U1 site_grp:U1=255 finish_t:U4 {_COUNTS} wafer_id:Cn fabwf_id:Cn frame_id:Cn
    mask_id:Cn usr_desc:Cn exc_desc:Cn
WCR 2 30 wafr_siz:R4=0 die_ht:R4=0 die_wid:R4=0 wf_units:U1=0 wf_flat:C1 center_x:I2=-32768
    center_y:I2=-32768 pos_x:C1 pos_y:C1
PIR 5 10 head_num:U1 site_num:U1
PRR 5 20 head_num:U1 site_num:U1 part_flg:B1 num_test:U2 hard_bin:U2=65535 soft_bin:U2=65535
    x_coord:I2=-32768 y_coord:I2=-32768 test_t:U4=0 part_id:Cn part_txt:Cn part_fix:Bn
TSR 10 30 head_num:U1 site_num:U1 test_typ:C1 test_num:U4 exec_cnt:U4={_NO_COUNT}
    fail_cnt:U4={_NO_COUNT} alrm_cnt:U4={_NO_COUNT} test_nam:Cn seq_name:Cn test_lbl:Cn
    opt_flag:B1+200 test_tim:R4?opt_flag&4 test_min:R4?opt_flag&1 test_max:R4?opt_flag&2
    tst_sums:R4?opt_flag&16 tst_sqrs:R4?opt_flag&32
PTR 15 10 test_num:U4 head_num:U1 site_num:U1 test_flg:B1 parm_flg:B1 result:R4 test_txt:Cn
    alarm_id:Cn opt_flag:B1+2 {_LIMITS} units:Cn {_FORMATS}
MPR 15 15 test_num:U4 head_num:U1 site_num:U1 test_flg:B1 parm_flg:B1 rtn_icnt:U2 rslt_cnt:U2
    rtn_stat:N1*rtn_icnt rtn_rslt:R4*rslt_cnt test_txt:Cn alarm_id:Cn opt_flag:B1 {_LIMITS}
    start_in:R4?opt_flag&2 incr_in:R4?opt_flag&2 rtn_indx:U2*rtn_icnt units:Cn units_in:Cn
    {_FORMATS}
FTR 15 20 test_num:U4 head_num:U1 site_num:U1 test_flg:B1 opt_flag:B1+192 cycl_cnt:U4?opt_flag&1
    rel_vadr:U4?opt_flag&2 rept_cnt:U4?opt_flag&4 num_fail:U4?opt_flag&8 xfail_ad:I4?opt_flag&16
    yfail_ad:I4?opt_flag&16 vect_off:I2?opt_flag&32 rtn_icnt:U2 pgm_icnt:U2 rtn_indx:U2*rtn_icnt
    rtn_stat:N1*rtn_icnt pgm_indx:U2*pgm_icnt pgm_stat:N1*pgm_icnt fail_pin:Dn vect_nam:Cn
    time_set:Cn op_code:Cn test_txt:Cn alarm_id:Cn prog_txt:Cn rslt_txt:Cn patg_num:U1=255
    spin_map:Dn
STR 15 30 {_STR} | {_unconditional(_STR)}
BPS 20 10 seq_name:Cn
EPS 20 20
GDR 50 10 fld_cnt:U2 gen_data:Vn*fld_cnt
DTR 50 30 text_dat:Cn"""

_ALL = tuple(map(record, re.split(r"\n(?! )", _DECLARED)))
RECORDS: Final = MappingProxyType({one.name: one for one in _ALL})
NAMES: Final = MappingProxyType({one.code: one.name for one in _ALL})


def record_of(name: str) -> Record | None:
    """Return the declaration of a record; a vendor's own (`180/10`) has its body as `data`."""
    kind, _, subtype = name.partition("/")
    if kind.isdecimal() and subtype.isdecimal() and int(kind) in VENDOR_TYPES:
        return Record(name, int(kind), int(subtype), (Field("data", "Xn"),))
    return RECORDS.get(name)


def name_of(code: int) -> str | None:
    """Return a record's name (`180/10` for a vendor's own), None if STDF V4 has no such record."""
    return f"{code >> 8}/{code & 255}" if code >> 8 in VENDOR_TYPES else NAMES.get(code)
