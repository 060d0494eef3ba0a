"""Where in a record something stands: a key, or an expression in JMESPath.

JMESPath (https://jmespath.org, the library is AWS's own) says all that a mapping needs in one line: ``size.width``,
``objects[].label``, ``[xmin, ymin, xmax, ymax]``, ``objects[?score > `0.5`]``, ``values(boxes)``.
"""

import re
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from syphus.errors import InputError

_PLAIN = re.compile(r"[^\[\]{}()|@&`'\"*?<>=!,]+")
"""What can be a column's name and nothing else, where it is no expression: ``image name``, ``x-min``."""

OUTSIDE = "^"
"""Before an expression of a part: it stands in the whole record, as the one text of several times."""


class Place:
    """A key or expression of the mapping.

    Args:
        expression: as the configuration has it.
        key: where it stands there, as ``scene.objects.label``.

    Raises:
        InputError: it is neither.
    """

    def __init__(self, expression: str, key: str) -> None:
        self.outside = expression.startswith(OUTSIDE)
        """It is meant to be looked for in the whole record, and not in one of its parts."""
        self.expression = expression = expression.removeprefix(OUTSIDE)
        self.key = key
        self.found = 0
        """In how many records, or parts of one, it stood for something."""
        self.empty = 0
        """In how many of them an empty list or text stood there."""
        self.asked = 0
        self._parsed: Any = None
        if not expression.strip():
            raise InputError("is empty", place=key, mend="Name a key, or leave it out.")
        try:
            self._parsed = jmespath.compile(expression)
        except JMESPathError as error:
            if not _PLAIN.fullmatch(expression):
                why = str(error).partition("\n")[0].rstrip(":")
                mend = (
                    "Expressions are JMESPath (jmespath.org): `size.width`, `objects[].label`, `[x1, y1, x2, y2]`; "
                    'keys with other marks stand in double quotes: `"x-min"`.'
                )
                raise InputError(f"{expression!r} is no expression: {why}", place=key, mend=mend) from error

    def find(self, record: Any) -> Any:
        """What stands there; None where nothing does.

        Raises:
            ValueError: the expression cannot be applied to this record.
        """
        self.asked += 1
        value = self._look(record)
        if value is not None:
            self.found += value not in ([], "")
            self.empty += value in ([], "")
        return value

    def _look(self, record: Any) -> Any:
        if isinstance(record, dict) and self.expression in record:
            return record[self.expression]
        if self._parsed is None:
            return None
        try:
            return self._parsed.search(record)
        except JMESPathError as error:
            raise ValueError(f"`{self.key}` cannot be applied: {error}") from error
        except RecursionError as error:
            raise ValueError(f"`{self.key}` leads too deep") from error
