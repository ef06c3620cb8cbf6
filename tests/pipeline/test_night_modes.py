from datetime import date

import pytest
import typer

from fabyield.errors import ConfigError
from fabyield.pipeline.commands import add_night_commands
from fabyield.pipeline.night_modes import Kind, NightMode

DAY = date(2026, 3, 5)
STEPS = ("stdf_files", "fab_tables", "wafers")


@pytest.mark.parametrize(
    "mode",
    [
        *(NightMode(kind) for kind in Kind),
        NightMode(Kind.BACKFILL, DAY),
        NightMode(Kind.REBUILD, step="wafers"),
    ],
    ids=str,
)
def test_mode_is_read_from_what_was_recorded_of_it(mode):
    assert NightMode.parse(str(mode)) == mode


@pytest.mark.parametrize("text", ["", "holiday", "backfill 5 March"])
def test_text_that_is_no_purpose_is_refused_by_name(text):
    with pytest.raises(ConfigError, match=repr(text)):
        NightMode.parse(text)


def command(*words):
    """The exit code of a command line, and the modes and options that it started."""
    started, app = [], typer.Typer()
    add_night_commands(app, lambda mode, options: started.append((mode, options)))
    with pytest.raises(SystemExit) as ended:
        app(words)
    return ended.value.code, started


@pytest.mark.parametrize(
    ("words", "mode"),
    [
        (["nightly"], NightMode()),
        (["backfill", "2026-03-05"], NightMode(Kind.BACKFILL, DAY)),
        (["replay"], NightMode(Kind.REPLAY)),
        (["rebuild"], NightMode(Kind.REBUILD)),
        (["rebuild", "wafers"], NightMode(Kind.REBUILD, step="wafers")),
    ],
)
def test_commands_choose_the_mode(words, mode):
    code, [(text, options)] = command(*words, "--lake", "L", "--conf", "prod")

    assert (code, NightMode.parse(text), options) == (0, mode, ("prod", "L", None, None))


@pytest.mark.parametrize("words", [["backfill", "2026-13-45"], ["backfill"], ["replay", "rebuild"]])
def test_wrong_command_lines_are_refused(words):
    assert command(*words) == (2, [])


def test_sources_are_read_only_where_the_purpose_is_about_them():
    takes = {kind: [NightMode(kind).includes(step) for step in STEPS] for kind in Kind}

    assert takes[Kind.NIGHT] == takes[Kind.REPLAY] == [True, True, True]
    assert takes[Kind.BACKFILL] == [True, False, True]
    assert takes[Kind.REBUILD] == [False, False, True]


def test_all_rows_are_taken_by_a_rebuild_and_of_the_factory_by_a_replay():
    takes_all = {kind: [NightMode(kind).takes_all_rows(step) for step in STEPS] for kind in Kind}

    assert takes_all[Kind.NIGHT] == takes_all[Kind.BACKFILL] == [False, False, False]
    assert takes_all[Kind.REPLAY] == [False, True, False]
    assert takes_all[Kind.REBUILD] == [False, False, True]
    only_wafers = NightMode(Kind.REBUILD, step="wafers")
    assert [only_wafers.takes_all_rows(step) for step in STEPS] == [False, False, True]
