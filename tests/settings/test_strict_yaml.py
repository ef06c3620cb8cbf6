from pathlib import Path

import pytest
import yaml

from fabyield.errors import ConfigError
from fabyield.settings.loading import read_conf
from fabyield.settings.strict_yaml import load_yaml

ROOT = Path(__file__).parents[2]
TWICE = "warn:\n- a\nrow: []\nwarn:\n- b\n"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (TWICE, "line 4, column 1: the key 'warn' is repeated"),
        ("night: {small_mb: 1, small_mb: 2}", "column 22: the key 'small_mb' is repeated"),
        ("- {1: a, 1: b}", "the key 1 is repeated"),
    ],
)
def test_key_that_stands_twice_is_refused_with_its_place(text, named):
    assert yaml.safe_load(text)

    with pytest.raises(yaml.YAMLError, match=named):
        load_yaml(text)


def test_key_may_stand_again_in_another_mapping_and_one_be_merged_in():
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: [{x: 1}, {x: 2}]"

    assert load_yaml(text) == yaml.safe_load(text)


def test_f30_conf_that_repeats_a_secret_does_not_tell_it(tmp_path):
    conf = tmp_path / "site.yml"
    conf.write_text("database:\n  password: hush1\n  password: hush2\n")

    with pytest.raises(ConfigError, match=r"line 3.*the key 'password' is repeated") as refused:
        read_conf(str(conf))

    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("folder", ["conf", "schemas", "expectations"])
def test_no_file_of_ours_repeats_a_key(folder):
    texts = [path.read_text() for path in (ROOT / folder).glob("*.yml")]

    assert texts
    assert [load_yaml(text) for text in texts] == [yaml.safe_load(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('password: "hunter2\nlake: x', "line 2, column 8"),
        ("a: [hunter2, ]]", "line 1, column 15"),
        ("at: 2026-13-45", "a value cannot be read: month must be in 1..12"),
        ("[" * 3000, "a value cannot be read: "),
        ("a: !!int hunter2", "a value cannot be read: ValueError"),
        ("a: hunter2\x07", "character 10"),
    ],
)
def test_f30_error_is_one_line_without_the_text(text, place):
    with pytest.raises(yaml.YAMLError) as refused:
        load_yaml(text)

    assert place in str(refused.value)
    assert "hunter2" not in str(refused.value) and "\n" not in str(refused.value)
