"""Names that content gives itself, and draws that can be repeated.

The canonical form is a contract: a request's key in the ledger is the fingerprint of what is sent, so a change here would
make every run pay again. The digest therefore carries its scheme (``b2:``).
"""

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import msgspec

import syphus

T = TypeVar("T")

_encoder = msgspec.json.Encoder(order="sorted")


def canonical_json(value: Any) -> bytes:
    """The one byte form of a value: UTF-8 JSON, keys sorted at every depth, no spaces.

    Accepts what msgspec can encode (built-in types and our records); raises ``TypeError`` for anything else, since a
    fallback to ``repr`` would break determinism in silence.
    """
    return _encoder.encode(value)


def fingerprint(value: Any) -> str:
    """A 128-bit digest of the canonical form, as ``b2:`` and 32 hexadecimal digits."""
    return "b2:" + blake2b(canonical_json(value), digest_size=16).hexdigest()


class StartedFingerprint:
    """A fingerprint whose beginning is reckoned already: :func:`fingerprint` of a long form, for the price of its end.

    Args:
        beginning: the first bytes of the canonical form.
    """

    def __init__(self, beginning: bytes) -> None:
        self._begun = blake2b(beginning, digest_size=16)

    def of(self, rest: bytes) -> str:
        """The fingerprint of the canonical form that goes on with ``rest``."""
        whole = self._begun.copy()
        whole.update(rest)
        return "b2:" + whole.hexdigest()


def digest(value: Any) -> str:
    """A 96-bit digest of the canonical form, for comparing what was with what is; never part of what is exported."""
    return blake2b(canonical_json(value), digest_size=12).hexdigest()


def code_fingerprint(*rooms: str) -> str:
    """The fingerprint of the source of these packages or modules of syphus: equal as long as they do the same.

    Without sources (a frozen program) it is that of the version.
    """
    house = Path(syphus.__file__).parent
    sources = [path for room in rooms for path in (house / f"{room}.py", *sorted((house / room).glob("*.py")))]
    texts = [(path.name, path.read_bytes().decode()) for path in sources if path.is_file()]
    return digest(texts or syphus.__version__)


def draw_number(*parts: Any) -> int:
    """A 64-bit number that depends on ``parts`` alone: same parts, same number, on every machine and Python version.

    ``random.Random`` is not used because its ``choice`` and ``sample`` have changed between Python versions.
    """
    return int.from_bytes(blake2b(canonical_json(parts), digest_size=8).digest(), "big")


def draw(choices: Sequence[T], *parts: Any) -> T:
    """One of ``choices``, decided by ``parts`` (the run's seed first). Raises ``ValueError`` when there is none."""
    if not choices:
        raise ValueError("nothing to draw from")
    return choices[draw_number(*parts) % len(choices)]


def draw_order(choices: Sequence[T], *parts: Any) -> list[T]:
    """``choices`` in a shuffled order decided by ``parts``; the first k of it are a draw of k without replacement."""
    order = sorted(range(len(choices)), key=lambda index: draw_number(*parts, index))
    return [choices[index] for index in order]
