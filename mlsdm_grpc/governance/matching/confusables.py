"""Tables of characters that stand for letters: other scripts, digits and signs, drawn letters."""

from __future__ import annotations

import string
from typing import Final

__all__ = [
    "CYRILLIC_TO_LATIN",
    "DRAWN_LETTERS",
    "LATIN_TO_CYRILLIC",
    "LEET",
    "LEET_CYRILLIC",
    "LEET_ONE_IS_L",
    "LEET_THREE_IS_ZE",
    "ROMANISED",
]

_SAME_IN_CYRILLIC: Final = ("асеіорхукмтнв", "aceiopxykmthb")
"""Letters by which either script is mixed into words of the other."""
CYRILLIC_TO_LATIN: Final = str.maketrans(
    _SAME_IN_CYRILLIC[0] + "ѕјԁһԛԝґгп" + "αβγδεζηικλνορστυχω",
    _SAME_IN_CYRILLIC[1] + "sjdhqwrrn" + "abydezniklvopotuxw",
)
"""Cyrillic and Greek letters as the Latin ones they look like."""
LATIN_TO_CYRILLIC: Final = str.maketrans(_SAME_IN_CYRILLIC[1] + "u", _SAME_IN_CYRILLIC[0] + "и")
_LEET: Final = dict(zip("0123456789@$€£!|+", "oizeasgtbgaseliit", strict=True))
LEET: Final = str.maketrans(_LEET)
LEET_ONE_IS_L: Final = str.maketrans(_LEET | dict.fromkeys("1!|", "l"))
_CYRILLIC: Final = dict(zip("0134689@$€", "оіечбвдасе", strict=True))
LEET_CYRILLIC: Final = str.maketrans(_CYRILLIC)
LEET_THREE_IS_ZE: Final = str.maketrans(_CYRILLIC | {"3": "з"})
ROMANISED: Final = str.maketrans(
    dict(zip("абвгґдезиійклмнопрстуф", "abvhgdezyiiklmnoprstuf", strict=True))
    | {"ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ю": "iu", "я": "ia"}
    | {"є": "ie", "ї": "i", "ь": "", "'": ""}
)
"""Ukrainian in Latin letters; source: resolution 55 of the Cabinet of Ministers, 2010."""

_SMALL_CAPITALS: Final = dict(
    zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnopqrstuvwyz", strict=True)
)
_ENCLOSED: Final = {
    chr(first + i): letter
    for first in (0x1F130, 0x1F150, 0x1F170, 0x1F1E6)
    for i, letter in enumerate(string.ascii_lowercase)
}
DRAWN_LETTERS: Final = _SMALL_CAPITALS | _ENCLOSED | dict.fromkeys("’‘ʼ´`", "'")
"""Characters that are drawn as letters (or as an apostrophe) and have no compatibility form."""
