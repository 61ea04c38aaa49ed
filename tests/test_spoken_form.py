# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What is heard for what is written, by the settings as they are.

`docs/text.md` has the same table for users; `./dev python
tests/test_spoken_form.py` writes it anew.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from gradium_tts_python.config import GradiumTTSParams
from gradium_tts_python.core.replacements import replacements_of
from gradium_tts_python.core.spoken_form import TextOptions
from gradium_tts_python.core.text import TextAssembler

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "text.md"

AS_SET = TextOptions(
    clean_thoughts=True,
    clean_code=True,
    clean_markdown=True,
    clean_tables=True,
    clean_urls=True,
    clean_emoji=True,
)
REPLACED = replacements_of(
    [
        {"from": "SQL", "to": "sequel"},
        {"from": "New York", "to": "the Big Apple"},
        {"from": "um", "to": "", "ignore_case": True},
        {"from": "gui", "to": "gooey", "ignore_case": True},
    ]
)

# By the setting that makes it so: what is written, and what is heard. An empty
# setting stands for what is always done.
TABLE: dict[str, list[tuple[str, str]]] = {
    "clean_thoughts": [
        ("<think>He means tea.</think>Tea, then.", "Tea, then."),
        ("Well <thinking>why?</thinking> yes.", "Well yes."),
        ("<REASONING effort='low'>a < b</Reasoning>\n\nYes.", "Yes."),
        ("<think>Is </thinking> an end? No.</think> No.", "No."),
        ("[THINK]Hm.[/THINK]Yes [1].", "Yes [1]."),
        ("all of it.</think> So, yes.", "all of it. So, yes."),
        ("<think>It never ends", ""),
        ("The tag `<think>` is one.", "The tag < think> is one."),
        ("I <thi", "I < thi"),
        ("so <think", "so"),
    ],
    "clean_code": [
        ("So:\n```python\nprint(1)\n```\nDone.", "So: Done."),
        ("So: ```js\nlet a\n```\nDone.", "So: Done."),
        ("~~~\na ``` b\n~~~\nDone.", "Done."),
        ("````md\n```\na\n```\n````\nDone.", "Done."),
        ("> ```\n> a\n> ```\nDone.", "Done."),
        ("```\nIt never ends", ""),
        ("Run ```pip install``` now.", "Run pip install now."),
        ("Type `ls -l` here.", "Type ls -l here."),
    ],
    "clean_markdown": [
        ("**Bold** and *so*, __it__ _is_.", "Bold and so, it is."),
        ("# Tea\n- green\n- black", "Tea green black"),
        ("1. one\n2. two", "1. one 2. two"),
        ("> He said so.", "He said so."),
        ("See [the docs](https://a.bc/d_e) now.", "See the docs now."),
        ("![A cat](http://a.bc/cat.png) sleeps.", "A cat sleeps."),
        ("2 * 3 is snake_case", "2 * 3 is snake_case"),
    ],
    "clean_tables": [
        (
            "| Tea | Price |\n|---|:-:|\n| green | 2 € |\n| black | 3 € |",
            "Tea, Price. green, 2 €. black, 3 €.",
        ),
        ("Tea | Price\n--- | ---\nblack | 3", "Tea, Price. black, 3."),
        ("|a b|c!||\n|d|\nSo, a || b.", "a b, c! d. So, a || b."),
    ],
    "clean_urls": [
        ("See https://www.example.com/a/b?c=d, then.", "See example.com, then."),
        ("Go to www.example.org.", "Go to example.org."),
        ("(see http://me:pw@x.org:80/a_(b)#c)!", "(see x.org)!"),
        ("**https://a.bc/d_(e)**", "a.bc"),
        ("“http://x.org/y” 看http://x.org/y", "“x.org” 看x.org"),
        ("Ask jo@example.com/a, v1.2/b.", "Ask jo@example.com/a, v1.2/b."),
    ],
    "clean_emoji": [
        ("Hi 😀, you 👍🏽!", "Hi, you!"),
        ("1️⃣ one 🇫🇷", "one"),
    ],
    "replacements": [
        ("My SQL, PostgreSQL and SQL-based.", "My sequel, PostgreSQL and sequel-based."),
        ("sql is no SQL.", "sql is no sequel."),
        ("A GUI or a Gui's", "A gooey or a gooey's"),
        ("In New York, or New\nYork, or new York", "In the Big Apple, or the Big Apple, or new York"),
        ("So new New", "So new New"),
        ("Um, yes um so", "yes so"),
        ("um", ""),
    ],
    "": [
        ("a\u200bb\u00adc\td", "abc d"),
        ("<b>Tea</b> <break time='1s'/> now", "Tea now"),
        ("std::vector<int> <- and ->", "std::vector< int> <- and ->"),
    ],
}  # fmt: skip
ROWS = [
    (setting, written, heard)
    for setting, rows in TABLE.items()
    for written, heard in rows
]


def say(fragments: list[str], options: TextOptions) -> str:
    """What the vendor puts together."""
    assembler = TextAssembler(options)
    messages = [m for part in fragments for m in assembler.push(part)]
    return " ".join(messages + assembler.flush())


def options_for(setting: str) -> TextOptions:
    if setting == "replacements":
        return replace(AS_SET, replacements=REPLACED)
    return AS_SET


@pytest.mark.parametrize(("setting", "written", "heard"), ROWS)
def test_what_is_written_is_heard_as_the_table_says(
    setting: str, written: str, heard: str
) -> None:
    options = options_for(setting)

    assert say([written], options) == heard
    assert say([*written], options) == heard
    for at in range(len(written)):
        assert say([written[:at], written[at:]], options) == heard
    for size in (2, 3, 5):
        ends = [*range(0, len(written), size), len(written)]
        parts = [written[a:b] for a, b in pairwise(ends)]
        assert say(parts, options) == heard


HEADS = {
    "clean_thoughts": "Thoughts of the model",
    "clean_code": "Blocks of code",
    "clean_markdown": "Markdown",
    "clean_tables": "Tables",
    "clean_urls": "Addresses of the web",
    "clean_emoji": "Emoji",
    "replacements": "Words that are to be said otherwise",
    "": "Always",
}


def rendered() -> str:
    """The document, with the table of this module."""
    intro = DOCUMENT.read_text().split("<!-- table -->")[0]
    lines = [f"{intro}<!-- table -->"]
    for setting, rows in TABLE.items():
        by = f" (`{setting}`)" if setting else ""
        lines += ["", f"## {HEADS[setting]}{by}", ""]
        lines += ["| Written | Heard |", "|---|---|"]
        lines += [f"| {_cell(one)} | {_cell(two)} |" for one, two in rows]
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    """A text as code in a table, line ends and what is not seen as signs."""
    if not text:
        return "*nothing*"
    signs = {"\n": "⏎", "\t": "⇥", "\u200b": "␣", "\u00ad": "␣", "|": "\\|"}
    shown = "".join(signs.get(char, char) for char in text)
    longest = max(map(len, re.findall("`+", shown)), default=0)
    ticks, space = "`" * (longest + 1), " " * bool(longest)
    return f"{ticks}{space}{shown}{space}{ticks}"


def test_the_document_has_this_table() -> None:
    assert DOCUMENT.read_text() == rendered()


def test_the_table_is_that_of_the_settings_as_they_are() -> None:
    params = GradiumTTSParams()

    assert params.text_options() == AS_SET
    assert {name for name in TABLE if name} == {
        name
        for name in GradiumTTSParams.model_fields
        if name.startswith("clean_") or name == "replacements"
    }


if __name__ == "__main__":
    DOCUMENT.write_text(rendered())
