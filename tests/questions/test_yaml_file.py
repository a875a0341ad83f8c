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


NESTED = "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 100))
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
        (
            "a: !!python/object/apply:os.system ['true']\n",
            "line 1, column 4: the tag 'tag:.*; leave",
        ),
        ("a: \x01\n", "is not YAML: unacceptable character"),
        ("a: *b\n", "line 1, column 4: .*undefined alias"),
        ("[1]: 2\n{1: 2}: 3\n", "line"),
        (b"a: 1\nb: \xff\n", "line 2: is not UTF-8"),
        ("a: &a {b: *a}\n", "aliases have no end or write out to too much"),
        (LAUGHS, "aliases have no end or write out to too much"),
        (NESTED, "line 40, column 6: the aliases have no end or write out to too much"),
        ("a: " + "[" * 5000 + "]" * 5000, "nested too deeply, in more than 40 levels"),
        (b"a: " + b"x" * 250_000, "larger than 250,000 bytes"),
        (b"\x89PNG\r\n\0", "line 1: is not UTF-8"),
        ("a: 1".encode("utf-16"), "line 1: is not UTF-8"),
        ("a: \0", "unacceptable character"),
        ("---", "is empty"),
        ("a: !!bool abc", "line 1, column 4: 'abc' is no bool; leave the tag out, or mend it"),
        ("a: !!int x", "'x' is no int"),
        ("a: !!float {b: 1}", "expected a scalar node"),
        ("a: !!set {b}", "the tag 'tag:yaml.org,2002:set' is of no plain value; leave it out"),
        ("a: !!timestamp 2024-13-40", "timestamp' is of no plain value"),
        ("a: !mine b", "the tag '!mine' is of no plain value"),
        ("a: 0x" + "f" * 6000, "a number of 6,002 characters; a text is put in quotes"),
        ("a: 1" + ":59" * 300, "a number of 901 characters"),
        ("a: " + "9" * 5000, "a number of 5,000 characters"),
        ("a: 1" + ":59" * 20, "an integer of more than 64 bits; write a number such as 1e30"),
        ("a: 0x1" + "0" * 16, "an integer of more than 64 bits"),
        ('a: "\\ud83d"', "is half a character"),
        ("a: {<<: 3}", "for merging"),
        ("a: *" + "x" * 90_000, "undefined alias"),
        ("a: !" + "x" * 90_000, r"the tag '!x+\.\.\. is of no plain value"),
        ("a: [" + "1," * 60_000 + "]", "has more than 10,000 values, too many for settings"),
        ("".join(f"k{i}: 1\n" for i in range(2500)), "has more than 2,000 keys, too many"),
        (
            "a: &a [" + "1," * 2000 + "]\n" + "".join(f"b{i}: *a\n" for i in range(9)),
            "to too much",
        ),
    ],
)
def test_files_that_cannot_be_read(write, content, message):
    with pytest.raises(InputError, match=message) as caught:
        read_yaml(write(content))
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 500


def test_a_key_is_a_name_even_where_yaml_reads_a_switch(write):
    """YAML 1.1 makes true of a bare ``on``; a claim's test has a key of that name."""
    assert read_yaml(write("on: rate\nlearn: on\n")) == {"on": "rate", "learn": True}


@pytest.mark.parametrize("text", ["2024-01-01", "2024-13-40", "=", "0x" + "7" * 16])
def test_what_yaml_once_took_for_another_type_is_a_plain_value(write, text):
    value = read_yaml(write(f"a: {text}"))["a"]
    assert value == (int(text, 16) if text[:2] == "0x" else text)


def test_a_text_of_digits_has_no_limit(write):
    assert read_yaml(write(f"a: '{'9' * 5000}'"))["a"] == "9" * 5000


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
