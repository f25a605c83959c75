"""How text may look on the terminal at hand: its width, whether it shows colours, and whether it shows more than ASCII."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TextIO

__all__ = ["Color", "ColorChoice", "Style"]

_ASCII = str.maketrans({"µ": "u", "±": "+/-", "●": "#", "·": ".", "…": "~", "−": "-", "–": "-", "“": '"', "”": '"', "’": "'", "→": "->"})  # noqa: RUF001 - these are the characters to replace
_WIDTH_WITHOUT_TERMINAL = 100


class ColorChoice(Enum):
    """When to use colours."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Color(Enum):
    """What a colour stands for. It never says anything that a word beside it does not say."""

    GOOD = "32"
    DOUBTFUL = "33"
    BAD = "31"
    HEADER = "1"


@dataclass(frozen=True, slots=True)
class Style:
    """What the output can show.

    Attributes:
        width: Columns.
        color: Whether ANSI colours are wanted.
        unicode: Whether more than ASCII can be shown.
    """

    width: int = _WIDTH_WITHOUT_TERMINAL
    color: bool = False
    unicode: bool = True

    @classmethod
    def of(cls, stream: TextIO, choice: ColorChoice, environ: Mapping[str, str] = os.environ) -> Style:
        """What `stream` can show; NO_COLOR and TERM=dumb switch `AUTO` off, COLUMNS overrides the width.

        Source: https://no-color.org
        """
        wanted = stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        color = choice is ColorChoice.ALWAYS or (choice is ColorChoice.AUTO and wanted)
        width = shutil.get_terminal_size((_WIDTH_WITHOUT_TERMINAL, 24)).columns
        encoding = (stream.encoding or "").lower().replace("-", "")
        return cls(width=width, color=color, unicode=encoding == "utf8")

    def text(self, text: str) -> str:
        """`text` as it can be shown. Control characters become "?": a document must not steer the terminal of its reader."""
        visible = "".join(character if character.isprintable() else "?" for character in text)
        return visible if self.unicode else visible.translate(_ASCII).encode("ascii", "replace").decode("ascii")

    def paint(self, text: str, color: Color | None) -> str:
        """`text` in a colour, after it has been aligned: the escape codes have no width."""
        return f"\x1b[{color.value}m{text}\x1b[0m" if self.color and color is not None else text
