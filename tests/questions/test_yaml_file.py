"""Reading YAML: what counts as a number, and what each file that cannot be read is told as."""

import os

import pytest

from ibsweep.errors import InputError
from ibsweep.questions.yaml_file import read_yaml


@pytest.fixture
def write(tmp_path):
    """Write a file, given as text or bytes, and return its path."""

    def write(content):
        path = tmp_path / "mine.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("text", "number"),
    [("1e-4", 1e-4), ("-2E5", -2e5), ("1.e3", 1e3), (".5e+1", 5.0), ("1.5e3", 1.5e3)],
)
def test_numbers_with_an_exponent(write, text, number):
    value = read_yaml(write(f"x: {text}"))["x"]
    assert isinstance(value, float)
    assert value == number


@pytest.mark.parametrize("text", ["e4", "1e", "1e-4x", "'1e-4'", "1e-4-5"])
def test_texts_that_look_like_numbers(write, text):
    assert read_yaml(write(f"x: {text}"))["x"] == text.strip("'")


def test_aliases_and_merges(write):
    text = "x: {y: {z: &a {k: 1}}}\nb: {<<: *a, k: 2, l: 3}\nc: {<<: *a}\n"
    assert read_yaml(write(text)) == {
        "x": {"y": {"z": {"k": 1}}},
        "b": {"k": 2, "l": 3},
        "c": {"k": 1},
    }


LAUGHS = "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [{f'*a{i - 1},' * 9}]\n" for i in range(1, 12))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "mine.yaml: is empty$"),
        ("# nothing\n", "mine.yaml: is empty$"),
        ("- 1\n- 2\n", r"must hold a mapping of keys to values, but got \[1, 2\]"),
        ("q7", "must hold a mapping of keys to values, but got 'q7'"),
        ("a: 1\nb: [1, }\n", "line 2, column 8: "),
        ("a: 1\n\tb: 2\n", "line 2, column 1: "),
        ("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "line 5, column 3: the key 'c' stands twice, .*3$"),
        ("a: {b: 1, b: 1}\n", "line 1, column 11: the key 'b' stands twice, first on line 1$"),
        ("a: 1\n---\nb: 2\n", "line 2, column 1: "),
        ("a: !!python/object/apply:os.system ['true']\n", "could not determine a constructor"),
        ("a: 2024-13-40\n", "is not YAML: month must be in"),
        ("a: \x01\n", "is not YAML: unacceptable character"),
        ("a: *b\n", "line 1, column 4: .*undefined alias"),
        ("[1]: 2\n{1: 2}: 3\n", "line"),
        (b"a: 1\nb: \xff\n", "line 2: is not UTF-8"),
        ("a: &a {b: *a}\n", "aliases have no end or write out to too much"),
        (LAUGHS, "aliases have no end or write out to too much"),
        ("a: " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        (b"a: " + b"x" * 1_000_001, "larger than 1,000,000 bytes"),
    ],
)
def test_files_that_cannot_be_read(write, content, message):
    with pytest.raises(InputError, match=message) as caught:
        read_yaml(write(content))
    assert len(str(caught.value).splitlines()) == 1


def test_a_key_is_a_name_even_where_yaml_reads_a_switch(write):
    """YAML 1.1 makes true of a bare ``on``; a claim's test has a key of that name."""
    assert read_yaml(write("on: rate\nlearn: on\n")) == {"on": "rate", "learn": True}


def test_a_byte_order_mark_is_no_fault(write):
    assert read_yaml(write(b"\xef\xbb\xbfa: 1\n")) == {"a": 1}


def test_places_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_yaml(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="is not a regular file"):
        read_yaml(tmp_path)
    with pytest.raises(InputError, match="is not a regular file"):
        read_yaml("/dev/zero")
    with pytest.raises(InputError, match="cannot be read"):
        read_yaml("a\0.yaml")
    with pytest.raises(InputError, match="cannot be read"):
        read_yaml(tmp_path / ("x" * 300 + ".yaml"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_an_unreadable_file(write):
    path = write("a: 1")
    path.chmod(0)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        read_yaml(path)
