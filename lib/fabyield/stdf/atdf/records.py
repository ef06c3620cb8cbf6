"""Where ATDF differs from STDF: the order of fields, and flags as letters."""

import re
from types import MappingProxyType
from typing import Final, NamedTuple

from fabyield.stdf.spec.records import RECORDS


class Letter(NamedTuple):
    """A letter for bits of a flag field, or without bits for none of the others."""

    letter: str
    flag: str
    bits: int


def _letters(text: str) -> tuple[Letter, ...]:
    """Parse letters, each with a flag field and its bits, if any: `F:test_flg&128 P:&`."""
    found = (re.split("[:&]", letter) for letter in text.split())
    return tuple(Letter(letter, flag, int(bits or 0)) for letter, flag, bits in found)


# One letter: the first with its bits set.
CHOICES: Final = MappingProxyType(
    {
        "pass_fail": _letters(":test_flg&64 F:test_flg&128 A:parm_flg&32 P:&"),
        "part_pass": _letters(":part_flg&16 F:part_flg&8 P:&"),
        "retest": _letters("I:part_flg&1 C:part_flg&2 :&"),
        "abort": _letters("Y:part_flg&4 :&"),
    }
)
# All letters with their bits set.
SETS: Final = MappingProxyType(
    {
        "alarm": _letters(
            "A:test_flg&1 U:test_flg&4 T:test_flg&8 N:test_flg&16 X:test_flg&32 "
            "S:parm_flg&1 D:parm_flg&2 O:parm_flg&4 H:parm_flg&8 L:parm_flg&16"
        ),
        "limit_compare": _letters("L:parm_flg&64 H:parm_flg&128"),
    }
)
# One field of ATDF for two of PLR: the second character of each state, and the first.
STATES: Final = MappingProxyType(
    {"pgm_states": ("pgm_chal", "pgm_char"), "rtn_states": ("rtn_chal", "rtn_char")}
)
RADICES: Final = MappingProxyType({2: "B", 8: "O", 10: "D", 16: "H", 20: "S"})
GENERIC_LETTERS: Final = MappingProxyType(
    {
        **{"U": "U1", "M": "U2", "B": "U4", "I": "I1", "S": "I2", "L": "I4", "F": "R4", "D": "R8"},
        **{"T": "Cn", "X": "Bn", "Y": "Dn", "N": "N1"},
    }
)
TIMES: Final = ("mod_tim", "setup_t", "start_t", "finish_t")
# Records in which an empty head or site means all of them.
TOTALS: Final = ("PCR", "HBR", "SBR", "TSR")
# Records without a form in ATDF: all fields in order of STDF, with counts and flags.
OURS: Final = ("VUR", "PSR", "NMR", "CNR", "SSR", "CDR", "STR")

_TEST = "test_num head_num site_num"
_PARAMETRIC = (
    "pass_fail alarm test_txt alarm_id limit_compare units lo_limit hi_limit {} "
    "c_resfmt c_llmfmt c_hlmfmt lo_spec hi_spec res_scal llm_scal hlm_scal"
)
_OTHER_ORDERS = {
    "MIR": "lot_id part_typ job_nam node_nam tstr_typ setup_t start_t oper_nam mode_cod stat_num "
    "sblot_id test_cod rtst_cod job_rev exec_typ exec_ver prot_cod cmod_cod burn_tim tst_temp "
    "user_txt aux_file pkg_typ famly_id date_cod facil_id floor_id proc_id oper_frq spec_nam "
    "spec_ver flow_id setup_id dsgn_rev eng_id rom_cod serl_num supr_nam",
    "PLR": "grp_indx grp_mode grp_radx pgm_states rtn_states",
    "WIR": "head_num start_t site_grp wafer_id",
    "WRR": "head_num finish_t part_cnt wafer_id site_grp rtst_cnt abrt_cnt good_cnt func_cnt "
    "fabwf_id frame_id mask_id usr_desc exc_desc",
    "WCR": "wf_flat pos_x pos_y wafr_siz die_ht die_wid wf_units center_x center_y",
    "PRR": "head_num site_num part_id num_test part_pass hard_bin soft_bin x_coord y_coord retest "
    "abort test_t part_txt part_fix",
    "TSR": "head_num site_num test_num test_nam test_typ exec_cnt fail_cnt alrm_cnt seq_name "
    "test_lbl test_tim test_min test_max tst_sums tst_sqrs",
    "PTR": f"{_TEST} result {_PARAMETRIC.format('')}",
    "MPR": f"{_TEST} rtn_stat rtn_rslt {_PARAMETRIC.format('start_in incr_in units_in rtn_indx')}",
    "FTR": f"{_TEST} pass_fail alarm vect_nam time_set cycl_cnt rel_vadr rept_cnt num_fail "
    "xfail_ad yfail_ad vect_off rtn_indx rtn_stat pgm_indx pgm_stat fail_pin op_code test_txt "
    "alarm_id prog_txt rslt_txt patg_num spin_map",
}


def _order(name: str) -> tuple[str, ...]:
    if name in _OTHER_ORDERS:
        return tuple(_OTHER_ORDERS[name].split())
    fields = RECORDS[name].fields
    counts = {field.count for field in fields} if name not in OURS else set()
    return tuple(field.name for field in fields if field.name not in counts)


ORDERS: Final = MappingProxyType({name: _order(name) for name in RECORDS if name != "GDR"})
