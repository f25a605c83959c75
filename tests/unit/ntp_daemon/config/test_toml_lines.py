import tomli
from hypothesis import given, reject
from hypothesis import strategies as st

from ntp_daemon.config.toml_lines import KeyPath, find_lines, line_of

EVERYTHING = '''\
# a comment with [brackets] and "quotes"
top = 1
dotted.a . b = 2   # spaces around the dot
"quoted \\"key\\"" = """
first [not.a.table]
x = 3 \\""" still inside
"""

[table]
'literal key' = 'C:\\path'   # a literal string
array = [
  1, # one
  { inline = true, other = { deep = [ "]", '}' ] } },
  [ "a", "b",
    "c" ],
]
long = \'\'\'
[[nothing]]
\'\'\'
quotes = """ends with two quotes"""""
when = 1979-05-27 07:32:00Z

[[list]]
name = "first"
  [list.sub]
  x = 1
[[list.items]]
y = 1
[[list.items]]
y = 2
[[list]]
name = "second"
[list.sub]
x = 2
[a.b.c]
z = 1
'''


def all_paths(value: object, path: KeyPath = ()) -> list[KeyPath]:
    paths = [path] if path else []
    if isinstance(value, dict):
        for key, item in value.items():
            paths += all_paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            paths += all_paths(item, (*path, index))
    return paths


def test_each_key_has_its_line() -> None:
    lines = find_lines(EVERYTHING)
    expected = {
        ("top",): 2,
        ("dotted",): 3,
        ("dotted", "a", "b"): 3,
        ('quoted "key"',): 4,
        ("table",): 9,
        ("table", "literal key"): 10,
        ("table", "array"): 11,
        ("table", "array", 0): 12,
        ("table", "array", 1, "inline"): 13,
        ("table", "array", 1, "other", "deep", 1): 13,
        ("table", "array", 2, 2): 15,
        ("table", "long"): 17,
        ("table", "quotes"): 20,
        ("table", "when"): 21,
        ("list",): 23,
        ("list", 0): 23,
        ("list", 0, "sub"): 25,
        ("list", 0, "sub", "x"): 26,
        ("list", 0, "items", 0, "y"): 28,
        ("list", 0, "items", 1, "y"): 30,
        ("list", 1): 31,
        ("list", 1, "sub", "x"): 34,
        ("a", "b", "c", "z"): 36,
    }
    assert {path: lines.get(path) for path in expected} == expected


def test_every_key_that_the_parser_finds_has_a_line() -> None:
    lines = find_lines(EVERYTHING)
    written = [path for path in all_paths(tomli.loads(EVERYTHING)) if path not in {("a",), ("a", "b")}]  # tables that no line names
    assert [path for path in written if path not in lines] == []


def test_windows_line_ends() -> None:
    assert find_lines("a = 1\r\n\r\n[t]\r\nb = [\r\n1]\r\n") == {("a",): 1, ("t",): 3, ("t", "b"): 4, ("t", "b", 0): 5}


def test_what_is_not_written_has_the_line_of_the_table_around_it() -> None:
    lines = find_lines("\n[t]\na = 1\n")
    assert line_of(lines, ("t", "missing")) == 2
    assert line_of(lines, ("t", "missing", 0, "x")) == 2
    assert line_of(lines, ("other",)) is None


keys = st.text(alphabet="abz09-_ .\"'#[]{}=\\\nü", min_size=0, max_size=4)
scalars = st.integers() | st.booleans() | st.floats(allow_nan=False) | st.text(alphabet="ab\"'#[]{}=,\\\n", max_size=8)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8)


def quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(ch):08x}" if ch in '"\\\n' else ch for ch in text) + '"'


def written(value: object, draw: st.DrawFn) -> str:
    """A value as TOML, with the spacing and the kind of quotes left to chance."""
    gap = draw(st.sampled_from(["", " ", "\n", " # note ]}\n"]))
    match value:
        case bool():
            text = "true" if value else "false"
        case str() if draw(st.booleans()):
            text = '"""' + quoted(value)[1:-1] + '"""'
        case str() if draw(st.booleans()) and not set(value) & set("'\n"):
            text = f"'{value}'"
        case str():
            text = quoted(value)
        case list():
            text = "[" + ",".join(gap + written(item, draw) for item in value) + gap + "]"
        case dict():
            text = "{ " + ", ".join(f"{quoted(key)} = {written(item, draw)}" for key, item in value.items()) + " }"
        case _:
            text = repr(value)
    return text


@given(st.data(), st.dictionaries(keys, values, max_size=4), st.lists(st.dictionaries(keys, values, max_size=3), max_size=3))
def test_the_scanner_finds_what_the_parser_finds(data: st.DataObject, top: dict[str, object], tables: list[dict[str, object]]) -> None:
    text = "".join(f"{quoted(key)} = {written(value, data.draw)}\n" for key, value in top.items())
    first_lines = []
    for table in tables:
        first_lines.append(text.count("\n") + 1)
        text += "[['the tables']] # [x]\n" + "".join(f"{quoted(key)}={written(value, data.draw)}\n\n" for key, value in table.items())
    try:
        parsed = tomli.loads(text)
    except tomli.TOMLDecodeError:  # a line break within an inline table, which TOML 1.0 does not have
        reject()
    lines = find_lines(text)
    assert set(all_paths(parsed)) == set(lines)
    assert [lines["the tables", index] for index in range(len(tables))] == first_lines
