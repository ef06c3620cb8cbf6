"""The commands `fabyield stdf ...` as a user calls them."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from fabyield.cli import app
from fabyield.stdf import RECORDS, Writer

DATA = Path(__file__).parents[1] / "data" / "stdf"
LOT2, LOT3 = (str(DATA / f"{name}.stdf.gz") for name in ("lot2", "lot3"))
COMMANDS = ("info", "to-parquet", "to-atdf", "check", "layout")
BLOCKED = """
import sys
sys.modules |= dict.fromkeys(("pyspark", "py4j", "delta"))
from fabyield.cli import app
app.main()
"""


@pytest.fixture
def stdf(monkeypatch, capsys):
    """`stdf("info", ...)`: exit code, standard output and standard error of the command."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["fabyield", "stdf", *map(str, words)])
        monkeypatch.setenv("COLUMNS", "300")
        with pytest.raises(SystemExit) as ended:
            app.main()
        return ended.value.code or 0, *capsys.readouterr()

    return call


@pytest.fixture
def broken(tmp_path):
    path = tmp_path / "broken.stdf"
    path.write_bytes(b"no STDF at all")
    return path


@pytest.fixture
def header_only(tmp_path):
    path = tmp_path / "header.stdf"
    with Writer(path) as writer:
        writer.write("MIR", setup_t=1, start_t=2, stat_num=1, lot_id="L1")
        writer.write("MRR", finish_t=3)
    return path


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_every_command_has_a_help_page(stdf, command):
    code, out, _ = stdf(*command, "--help")

    assert code == 0
    assert "Usage" in out


@pytest.mark.parametrize("command", ["info", "check", "to-parquet"])
def test_commands_run_where_spark_is_not_installed(tmp_path, command):
    words = [command, LOT2, *(["--out", str(tmp_path)] if command == "to-parquet" else [])]

    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, "stdf", *words], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_help_imports_neither_spark_nor_the_stdf_reader():
    code = "import sys; from fabyield.cli import app; print(*sys.modules)"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not set(found.stdout.split()) & {"pyspark", "numba", "pyarrow", "numpy", "pandas"}


@pytest.mark.parametrize(
    "words",
    [
        ["infoo"],
        ["info"],
        ["info", LOT2, "--retest-rule", "last"],
        ["info", LOT2, "--conf", "staging"],
        ["to-parquet", LOT2],
        ["layout", "XYZ"],
    ],
)
def test_wrong_usage_exits_with_2_and_says_why(stdf, words):
    code, out, err = stdf(*words)

    assert (code, out) == (2, "")
    assert err.strip()


def test_info_prints_the_contents_of_a_file(stdf):
    code, out, _ = stdf("info", LOT2)

    assert code == 0
    told = ("GAL-LOT-02", "big-endian", "mobile-05", "92.24", "95.40", "1,456", "PTR 52,403")
    assert [text for text in told if text not in out] == []


def test_info_for_machines_is_one_json_object_per_file(stdf):
    _, out, _ = stdf("info", "--json", LOT2, LOT3)

    first, second = map(json.loads, out.splitlines())
    assert (first["touchdowns"], second["touchdowns"]) == (1_569, 1_619)
    assert first["records"]["PTR"] == 52_403
    assert (first["is_complete"], first["refused"]) == (True, [])
    assert [wafer["part_cnt"] for wafer in first["wafers"]] == [1_569]


def test_info_by_flag_finds_no_retest_in_files_without_flags(stdf):
    _, out, _ = stdf("info", "--json", "--retest-rule", "flag", LOT2)

    facts = json.loads(out)
    assert facts["first_yield_pct"] == facts["final_yield_pct"] == 92.24


def test_retest_rule_comes_from_conf(stdf, tmp_path):
    conf = tmp_path / "mine.yml"
    conf.write_text("fab: {retest_rule: flag}")

    _, out, _ = stdf("info", "--json", "--conf", conf, LOT2)

    assert json.loads(out)["final_yield_pct"] == 92.24


def test_wafers_are_named_by_conf_in_every_command(stdf, tmp_path):
    path = tmp_path / "two.stdf"
    at = {"head_num": 1, "site_num": 0}
    with Writer(path) as writer:
        writer.write("MIR", setup_t=1, start_t=2, stat_num=1, lot_id="L1")
        for wafer, flag in (("W02", 8), ("02", 0)):
            writer.write("WIR", head_num=1, start_t=3, wafer_id=wafer)
            writer.write("PIR", **at)
            writer.write("PRR", **at, part_flg=flag, hard_bin=1, x_coord=1, y_coord=1)
            writer.write("WRR", head_num=1, finish_t=4, wafer_id=wafer)
        writer.write("MRR", finish_t=5)
    stdf("to-parquet", path, "--out", tmp_path / "out")
    parts = pq.read_table(tmp_path / "out" / "parts.parquet").to_pylist()

    told = json.loads(stdf("info", "--json", path)[1])

    final = [part["part_pass"] for part in parts if part["is_final"]]
    assert (told["tested_die"], told["final_yield_pct"]) == (len(final), 100.0) == (1, 100.0)
    assert stdf("info", path, "--conf", tmp_path / "no.yml", "--retest-rule", "flag")[0] == 2


@pytest.mark.parametrize("command", ["info", "check", "to-parquet"])
def test_file_that_cannot_be_read_is_named_and_the_others_are_done(stdf, broken, tmp_path, command):
    out_to = ["--out", tmp_path / "out"] if command == "to-parquet" else []

    code, out, err = stdf(command, broken, LOT2, tmp_path / "nowhere.stdf", *out_to)

    assert code == 1
    assert "lot2.stdf.gz" in out
    assert "broken.stdf: first record is not FAR" in err
    assert "nowhere.stdf: cannot be read: No such file" in err


def test_check_exits_with_3_and_lists_what_differs(stdf, tmp_path):
    content = bytearray(gzip.decompress(Path(LOT2).read_bytes()))
    # PART_CNT of the PCR, which is 1,569 in both PCR and WRR.
    place = content.index(bytes([255, 255]) + (1_569).to_bytes(4, "big"))
    content[place + 5] += 1
    path = tmp_path / "wrong.stdf"
    path.write_bytes(content)

    code, out, _ = stdf("check", LOT2, path)

    assert code == 3
    [row] = [line for line in out.splitlines() if "PCR.PART_CNT" in line and "1,570" in line]
    assert "wrong.stdf" in row and "all sites" in row and "1,569" in row


def test_check_of_a_file_that_agrees_prints_by_which_meaning(stdf):
    code, out, _ = stdf("check", LOT2)

    assert code == 0
    assert "WRR.PART_CNT (by touch-down)" in out
    assert "results are logged of 784 of 1,569 touch-downs" in out


def test_to_parquet_writes_five_files_and_prints_their_contents(stdf, tmp_path):
    code, out, err = stdf("to-parquet", LOT2, "--out", tmp_path)

    assert (code, err) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{name}.parquet" for name in ("bins", "parts", "test_values", "tests", "wafers")
    ]
    assert "1,456 die tested; yield: first 92.24 %, final 95.40 %" in out
    assert pq.read_table(tmp_path / "test_values.parquet").num_rows == 52_403


def test_f07_same_file_under_two_names_is_left_out_and_named(stdf, tmp_path):
    copy = tmp_path / "copy.stdf"
    copy.write_bytes(gzip.decompress(Path(LOT2).read_bytes()))

    code, out, _ = stdf("to-parquet", LOT2, copy, "--out", tmp_path / "out")

    assert code == 0
    assert f"same content as {LOT2}" in out
    assert pq.read_table(tmp_path / "out" / "parts.parquet").num_rows == 1_569


@pytest.mark.parametrize("command", ["info", "check", "to-parquet"])
def test_f11_empty_file_fails_with_its_name(stdf, tmp_path, command):
    path = tmp_path / "empty.stdf"
    path.touch()
    out_to = ["--out", tmp_path / "out"] if command == "to-parquet" else []

    code, _, err = stdf(command, path, *out_to)

    assert code == 1
    assert f"{path}: empty file" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["info", "check", "to-parquet"])
def test_f11_header_only_file_is_done_without_parts(stdf, header_only, tmp_path, command):
    out_to = ["--out", tmp_path / "out"] if command == "to-parquet" else []

    code, out, err = stdf(command, header_only, *out_to)

    assert (code, err) == (0, "")
    assert "header.stdf" in out


def test_layout_prints_every_field_of_every_record(stdf):
    _, out, _ = stdf("layout")

    fields = {field.name.upper() for record in RECORDS.values() for field in record.fields}
    assert [name for name in (*RECORDS, *fields) if name not in out] == []


def test_layout_of_one_record_says_what_is_missing_and_where(stdf):
    _, out, _ = stdf("layout", "ptr")

    rows = {line.split()[1]: line for line in out.splitlines() if line.startswith("│")}
    assert "type 15, subtype 10" in out
    assert "OPT_FLAG bit 4 or 6" in rows["LO_LIMIT"]


def test_layout_says_which_field_counts_an_array(stdf):
    _, out, _ = stdf("layout", "RDR")

    assert "as many as NUM_BINS" in out


def test_f29_file_names_with_markup_are_printed_as_they_are(stdf, tmp_path):
    path = tmp_path / "[red]a[-1].stdf"
    path.write_bytes(gzip.decompress(Path(LOT2).read_bytes()))

    for command in ("info", "check"):
        assert "[red]a[-1].stdf" in stdf(command, path)[1]


def test_output_that_cannot_be_written_is_an_error_with_its_name(stdf, tmp_path):
    (tmp_path / "file").touch()

    code, _, err = stdf("to-parquet", LOT2, "--out", tmp_path / "file" / "out")

    assert code == 1
    assert os.fspath(tmp_path / "file") in err


def test_atdf_of_a_real_file_is_read_as_the_file_itself(stdf, tmp_path):
    assert stdf("to-atdf", LOT2, "--out", tmp_path / "lot2.atdf")[0] == 0
    assert (tmp_path / "lot2.atdf").read_text().startswith("FAR:A|4|2\nMIR:GAL-LOT|")

    _, out, _ = stdf("info", "--json", tmp_path / "lot2.atdf", LOT2)

    text, binary = (json.loads(line) for line in out.splitlines())
    named = ("lot_id", "job_nam", "touchdowns", "first_yield_pct", "final_yield_pct", "records")
    assert [text[name] for name in named] == [binary[name] for name in named]


def test_atdf_goes_to_standard_output_and_omissions_to_standard_error(stdf, tmp_path):
    path = tmp_path / "a.stdf"
    with Writer(path) as writer:
        writer.write("MIR", setup_t=1, start_t=2, stat_num=1, lot_id="L1")
        writer.write("180/10", data=b"vendor")
    path.write_bytes(path.read_bytes() + b"\x00")

    code, out, err = stdf("to-atdf", path)

    assert (code, len(out.splitlines())) == (1, 2)
    assert "1 records of vendors" in err
    assert "a record header takes 4 bytes, 1 are left" in err


@pytest.mark.parametrize("command", ["info", "check", "to-atdf"])
def test_pipe_is_an_error_that_says_what_to_do(stdf, tmp_path, command):
    os.mkfifo(tmp_path / "pipe")

    code, _, err = stdf(command, tmp_path / "pipe")

    assert code == 1
    assert "pipe: not a regular file; save it as one first, because it is read twice" in err


def test_atdf_file_is_as_readable_as_any_other_and_a_full_disk_is_named(stdf, tmp_path):
    (tmp_path / "other").touch()
    stdf("to-atdf", LOT2, "--out", tmp_path / "x.atdf")
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1

    program = "from fabyield.cli.app import main; main()"
    command = [sys.executable, "-c", program, "stdf", "to-atdf", LOT2]
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert ran.returncode == 1
    assert "standard output: No space left" in ran.stderr


def test_atdf_that_fails_leaves_nothing_behind(stdf, broken, tmp_path):
    code, _, err = stdf("to-atdf", broken, "--out", tmp_path / "new" / "x.atdf")
    assert (code, (tmp_path / "new").exists()) == (1, False)

    code, _, err = stdf("to-atdf", broken, "--out", tmp_path / "x.atdf")

    assert (code, sorted(p.name for p in tmp_path.iterdir())) == (1, ["broken.stdf"])
    assert "first record is not FAR" in err
