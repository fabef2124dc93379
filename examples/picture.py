#!/usr/bin/env python3
"""Draws the log of a run as a terminal, as SVG: examples/picture.py LOG > SVG

    examples/picture.py examples/picture/shell-ok.log > examples/picture/shell-ok.svg

The log is the plain text of a real run (`kbisect ... >log`), shortened where it says [...]. The colours are those that
kbisect uses on a terminal. Long lines wrap, as a terminal wraps them. No font is embedded.
"""

import re
import sys
from html import escape

COLUMNS = 130
CHAR, LINE = 7.2, 16  # pixels, at FONT
FONT = 12
MARGIN, BAR = 14, 30

# Of a line of the log, the first rule that fits: which part of it is coloured, and how.
RULES = [
    (r"^(\$ )", "prompt"),
    (r"^(== .*)", "strong"),
    (r"^(best: .*)", "good"),
    (r"^(minimal and certified)", "good"),
    (r"^trial .*  (pass)  ", "good"),
    (r"^trial .*  (fail \([a-z]+\))  ", "bad"),
    (r"^( +requests +lines.*)", "strong"),
    (r"^(    .*)", "faint"),
    (r"^(\[\.\.\.\])$", "faint"),
    (r"^(why each request stays)", "strong"),
]

STYLE = """
text { font: %dpx ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #d0d4da }
.prompt { fill: #7aa2f7 } .strong { font-weight: bold; fill: #ffffff } .good { fill: #7ec97e }
.bad { fill: #f07178 } .faint { fill: #8a919c }
""" % FONT


def spans(line):
    """The parts of a line, each with its class."""
    for rule, name in RULES:
        found = re.match(rule, line)
        if found:
            a, b = found.span(1)
            return [(line[:a], ""), (line[a:b], name), (line[b:], "")]
    return [(line, "")]


def wrapped(parts):
    """The rows that the parts take on a terminal."""
    row, used, rows = [], 0, []
    for text, name in parts:
        while text:
            if used == COLUMNS:
                rows.append(row)
                row, used = [], 0
            piece = text[: COLUMNS - used]
            row.append((piece, name))
            used += len(piece)
            text = text[len(piece) :]
    return rows + [row]


def drawn(row, y):
    """A row as text elements: each begins in its column, and none has two blanks side by side."""
    column, out = 0, []
    for text, name in row:
        for found in re.finditer(r"\S+(?: \S+)*", text):
            shown = found.group()
            kind = f' class="{name}"' if name else ""
            x = MARGIN + (column + found.start()) * CHAR
            # The length makes columns line up in any font.
            length = len(shown) * CHAR
            out.append(f'<text x="{x:.1f}" y="{y}" textLength="{length:.1f}"{kind}>{escape(shown)}</text>')
        column += len(text)
    return out


def main():
    lines = open(sys.argv[1], encoding="utf-8").read().splitlines()
    rows = [row for line in lines for row in wrapped(spans(line))]
    width = round(2 * MARGIN + COLUMNS * CHAR)
    height = BAR + len(rows) * LINE + MARGIN
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">')
    print(f"<title>{escape(lines[0])}</title>")
    print(f"<style>{STYLE}</style>")
    print(f'<rect width="{width}" height="{height}" rx="8" fill="#1b1e24"/>')
    for i, colour in enumerate(["#f07178", "#e6b450", "#7ec97e"]):
        print(f'<circle cx="{MARGIN + 6 + 18 * i}" cy="15" r="5" fill="{colour}"/>')
    for i, row in enumerate(rows):
        print("\n".join(drawn(row, BAR + (i + 1) * LINE - 4)), end="\n" if row else "")
    print("</svg>")


main()
