"""Every STDF V4 record, declared once; the reader and the writer both follow it.

A field reads `name:type`, then what applies of: `*count` (an array as long as that field says),
`=value` (this value means missing), `+value` (written when nothing is given),
`?flag&mask` (missing where that flag field has a bit of mask).
"""

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

VENDOR_TYPES: Final = (180, 181)


@dataclass(frozen=True)
class Field:
    """One field of a record, by its STDF V4 name in lower case."""

    name: str
    type: str
    count: str | None = None
    fill: int | str = 0
    fill_is_missing: bool = False
    flag: str | None = None
    flag_mask: int = 0


@dataclass(frozen=True)
class Record:
    """One kind of record: its name, type and subtype, and fields in order of storage."""

    name: str
    type: int
    subtype: int
    fields: tuple[Field, ...] = ()

    @property
    def code(self) -> int:
        """Type and subtype as one number, type in the high byte."""
        return self.type << 8 | self.subtype

    def index(self, field: str) -> int:
        """Position of `field` among the fields; KeyError if the record has none of that name."""
        for position, candidate in enumerate(self.fields):
            if candidate.name == field:
                return position
        raise KeyError(field)


_FIELD = re.compile(
    r"(?P<name>\w+):(?P<type>\w\w)(\*(?P<count>\w+))?(=(?P<missing>-?\d+))?(\+(?P<fill>\d+))?"
    r"(\?(?P<flag>\w+)&(?P<mask>\d+))?"
)


def _field(text: str) -> Field:
    match = _FIELD.fullmatch(text)
    if match is None:
        raise ValueError(f"{text} does not declare a field")
    part = match.groupdict()
    is_text = part["type"] in ("C1", "Cn")
    blank: int | str = {"C1": " ", "Cn": ""}.get(part["type"], 0)
    fill = int(part["missing"] or part["fill"] or 0) if not is_text else blank
    missing = is_text or part["missing"] is not None
    mask = int(part["mask"] or 0)
    return Field(part["name"], part["type"], part["count"], fill, missing, part["flag"], mask)


def _record(name: str, kind: int, subtype: int, fields: str = "") -> Record:
    return Record(name, kind, subtype, tuple(_field(text) for text in fields.split()))


_NO_COUNT = 2**32 - 1
_COUNTS = " ".join(
    f"{name}:U4={_NO_COUNT}"
    for name in ("part_cnt", "rtst_cnt", "abrt_cnt", "good_cnt", "func_cnt")
)
_LIMITS = (
    "res_scal:I1?opt_flag&1 llm_scal:I1?opt_flag&80 hlm_scal:I1?opt_flag&160 "
    "lo_limit:R4?opt_flag&80 hi_limit:R4?opt_flag&160"
)
_FORMATS = "c_resfmt:Cn c_llmfmt:Cn c_hlmfmt:Cn lo_spec:R4?opt_flag&4 hi_spec:R4?opt_flag&8"

_ALL = (
    _record("FAR", 0, 10, "cpu_type:U1 stdf_ver:U1+4"),
    _record("ATR", 0, 20, "mod_tim:U4 cmd_line:Cn"),
    _record("VUR", 0, 30),
    _record(
        "MIR",
        1,
        10,
        "setup_t:U4 start_t:U4 stat_num:U1 mode_cod:C1 rtst_cod:C1 prot_cod:C1 burn_tim:U2=65535 "
        "cmod_cod:C1 lot_id:Cn part_typ:Cn node_nam:Cn tstr_typ:Cn job_nam:Cn job_rev:Cn "
        "sblot_id:Cn oper_nam:Cn exec_typ:Cn exec_ver:Cn test_cod:Cn tst_temp:Cn user_txt:Cn "
        "aux_file:Cn pkg_typ:Cn famly_id:Cn date_cod:Cn facil_id:Cn floor_id:Cn proc_id:Cn "
        "oper_frq:Cn spec_nam:Cn spec_ver:Cn flow_id:Cn setup_id:Cn dsgn_rev:Cn eng_id:Cn "
        "rom_cod:Cn serl_num:Cn supr_nam:Cn",
    ),
    _record("MRR", 1, 20, "finish_t:U4 disp_cod:C1 usr_desc:Cn exc_desc:Cn"),
    _record("PCR", 1, 30, f"head_num:U1 site_num:U1 {_COUNTS}"),
    _record("HBR", 1, 40, "head_num:U1 site_num:U1 hbin_num:U2 hbin_cnt:U4 hbin_pf:C1 hbin_nam:Cn"),
    _record("SBR", 1, 50, "head_num:U1 site_num:U1 sbin_num:U2 sbin_cnt:U4 sbin_pf:C1 sbin_nam:Cn"),
    _record(
        "PMR",
        1,
        60,
        "pmr_indx:U2 chan_typ:U2 chan_nam:Cn phy_nam:Cn log_nam:Cn head_num:U1+1 site_num:U1+1",
    ),
    _record("PGR", 1, 62, "grp_indx:U2 grp_nam:Cn indx_cnt:U2 pmr_indx:U2*indx_cnt"),
    _record(
        "PLR",
        1,
        63,
        "grp_cnt:U2 grp_indx:U2*grp_cnt grp_mode:U2*grp_cnt grp_radx:U1*grp_cnt "
        "pgm_char:Cn*grp_cnt rtn_char:Cn*grp_cnt pgm_chal:Cn*grp_cnt rtn_chal:Cn*grp_cnt",
    ),
    _record("RDR", 1, 70, "num_bins:U2 rtst_bin:U2*num_bins"),
    _record(
        "SDR",
        1,
        80,
        "head_num:U1 site_grp:U1 site_cnt:U1 site_num:U1*site_cnt hand_typ:Cn hand_id:Cn "
        "card_typ:Cn card_id:Cn load_typ:Cn load_id:Cn dib_typ:Cn dib_id:Cn cabl_typ:Cn "
        "cabl_id:Cn cont_typ:Cn cont_id:Cn lasr_typ:Cn lasr_id:Cn extr_typ:Cn extr_id:Cn",
    ),
    _record("PSR", 1, 90),
    _record("NMR", 1, 91),
    _record("CNR", 1, 92),
    _record("SSR", 1, 93),
    _record("CDR", 1, 94),
    _record("WIR", 2, 10, "head_num:U1 site_grp:U1=255 start_t:U4 wafer_id:Cn"),
    _record(
        "WRR",
        2,
        20,
        f"head_num:U1 site_grp:U1=255 finish_t:U4 {_COUNTS} wafer_id:Cn fabwf_id:Cn "
        "frame_id:Cn mask_id:Cn usr_desc:Cn exc_desc:Cn",
    ),
    _record(
        "WCR",
        2,
        30,
        "wafr_siz:R4=0 die_ht:R4=0 die_wid:R4=0 wf_units:U1=0 wf_flat:C1 center_x:I2=-32768 "
        "center_y:I2=-32768 pos_x:C1 pos_y:C1",
    ),
    _record("PIR", 5, 10, "head_num:U1 site_num:U1"),
    _record(
        "PRR",
        5,
        20,
        "head_num:U1 site_num:U1 part_flg:B1 num_test:U2 hard_bin:U2=65535 soft_bin:U2=65535 "
        "x_coord:I2=-32768 y_coord:I2=-32768 test_t:U4=0 part_id:Cn part_txt:Cn part_fix:Bn",
    ),
    _record(
        "TSR",
        10,
        30,
        f"head_num:U1 site_num:U1 test_typ:C1 test_num:U4 exec_cnt:U4={_NO_COUNT} "
        f"fail_cnt:U4={_NO_COUNT} alrm_cnt:U4={_NO_COUNT} test_nam:Cn seq_name:Cn test_lbl:Cn "
        "opt_flag:B1+200 test_tim:R4?opt_flag&4 test_min:R4?opt_flag&1 test_max:R4?opt_flag&2 "
        "tst_sums:R4?opt_flag&16 tst_sqrs:R4?opt_flag&32",
    ),
    _record(
        "PTR",
        15,
        10,
        "test_num:U4 head_num:U1 site_num:U1 test_flg:B1 parm_flg:B1 result:R4 test_txt:Cn "
        f"alarm_id:Cn opt_flag:B1+2 {_LIMITS} units:Cn {_FORMATS}",
    ),
    _record(
        "MPR",
        15,
        15,
        "test_num:U4 head_num:U1 site_num:U1 test_flg:B1 parm_flg:B1 rtn_icnt:U2 rslt_cnt:U2 "
        f"rtn_stat:N1*rtn_icnt rtn_rslt:R4*rslt_cnt test_txt:Cn alarm_id:Cn opt_flag:B1 {_LIMITS} "
        "start_in:R4?opt_flag&2 incr_in:R4?opt_flag&2 rtn_indx:U2*rtn_icnt units:Cn units_in:Cn "
        f"{_FORMATS}",
    ),
    _record(
        "FTR",
        15,
        20,
        "test_num:U4 head_num:U1 site_num:U1 test_flg:B1 opt_flag:B1+192 cycl_cnt:U4?opt_flag&1 "
        "rel_vadr:U4?opt_flag&2 rept_cnt:U4?opt_flag&4 num_fail:U4?opt_flag&8 "
        "xfail_ad:I4?opt_flag&16 yfail_ad:I4?opt_flag&16 vect_off:I2?opt_flag&32 rtn_icnt:U2 "
        "pgm_icnt:U2 rtn_indx:U2*rtn_icnt rtn_stat:N1*rtn_icnt pgm_indx:U2*pgm_icnt "
        "pgm_stat:N1*pgm_icnt fail_pin:Dn vect_nam:Cn time_set:Cn op_code:Cn test_txt:Cn "
        "alarm_id:Cn prog_txt:Cn rslt_txt:Cn patg_num:U1=255 spin_map:Dn",
    ),
    _record("STR", 15, 30),
    _record("BPS", 20, 10, "seq_name:Cn"),
    _record("EPS", 20, 20),
    _record("GDR", 50, 10),
    _record("DTR", 50, 30, "text_dat:Cn"),
)

RECORDS: Final = MappingProxyType({record.name: record for record in _ALL})
NAMES: Final = MappingProxyType({record.code: record.name for record in _ALL})


def name_of(code: int) -> str | None:
    """Name of a record code (`180/10` for a vendor's own), None if STDF V4 has no such record."""
    if code >> 8 in VENDOR_TYPES:
        return f"{code >> 8}/{code & 255}"
    return NAMES.get(code)
