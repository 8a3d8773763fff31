from __future__ import annotations

import io
import json
import os
import pty
import sys

import pytest

from headrace.printable import has_colours, printable, printable_json, printable_lines

# A title, a colour, a control sequence in one byte, a bell, a reversed name, an isolated one, a separator of lines, a tag.
EVIL = "\x1b]0;pwned\x07 \x1b[31m \x9b2J \x7f \u202egpj.exe \u2066 \u2028 \U000e0041 \udcff"


def test_what_would_do_something_on_a_terminal_is_shown_as_an_escape() -> None:
    shown = printable(EVIL)
    assert shown.isprintable()
    assert shown == (r"\x1b]0;pwned\x07 \x1b[31m \x9b2J \x7f \u202egpj.exe \u2066 \u2028 \U000e0041 \udcff")
    assert printable("one\ntwo\r\tthree") == r"one\ntwo\r\tthree"


@pytest.mark.parametrize(
    "text", ["žluťoučký", "👨‍👩‍👧‍👦", "שלום", "北京", "क्षत्रिय", "12\u00a0€", "cafe\u0301", "a\u3000b", r"C:\new"]
)
def test_letters_of_all_scripts_stay_as_they_are(text: str) -> None:
    assert printable(text) == text
    assert printable_lines(text) == text
    assert printable_json(text) == text


def test_a_text_of_several_lines_keeps_its_lines_and_tabs_and_nothing_else() -> None:
    assert printable_lines("one\r\n\ttwo\x1b[2J\rthree\n") == "one\n\ttwo\\x1b[2J\\rthree\n"


def test_no_character_at_all_but_harmless_ones_passes_as_it_is() -> None:
    passed = {chr(code) for code in range(sys.maxunicode + 1) if printable(chr(code)) == chr(code)}
    assert {character for character in passed if not character.isprintable() and not character.isspace()} == {
        "\u200c",
        "\u200d",
    }
    assert not passed & set("\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029")


def test_json_is_escaped_as_json_and_says_the_same() -> None:
    document = json.dumps({"said": EVIL.replace("\udcff", ""), "of": ["é", "🐎"]}, ensure_ascii=False, indent=2)
    shown = printable_json(document)
    assert json.loads(shown) == json.loads(document)
    assert all(line.isprintable() for line in shown.split("\n"))
    assert "🐎" in shown


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colours_are_for_terminals_of_people_who_want_them(
    environ: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    _, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as output:
        assert has_colours(output) == coloured
    assert not has_colours(io.StringIO())
