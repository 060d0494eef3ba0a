"""How many tokens a request has, before the endpoint has counted them: from its bytes, and from what was counted so far.

Good enough to hold back from a limit or to reserve money; what is billed and shown comes from the replies.
"""

_BYTES_PER_TOKEN = 4.0
_FEWEST_BYTES_PER_TOKEN = 2.0
"""Until counts have come: no tokenizer in use needs so many tokens for text."""
_ENOUGH = 8
_CAUTION = 1.1
_FADE = 0.02


class Sizes:
    """What the replies have told of the sizes of requests."""

    def __init__(self) -> None:
        self._expected = 1 / _BYTES_PER_TOKEN
        self._greatest = 0.0
        self._count = 0

    def expected(self, size: int) -> int:
        """Tokens of a prompt of ``size`` bytes, as far as can be told."""
        return round(size * self._expected)

    def bound(self, size: int) -> int:
        """Tokens that such a prompt will not have more of."""
        most = self._greatest * _CAUTION if self._count >= _ENOUGH else 1 / _FEWEST_BYTES_PER_TOKEN
        return round(size * most) + 1

    def learn(self, size: int, tokens: int) -> None:
        """An endpoint has counted ``tokens`` in ``size`` bytes."""
        ratio = tokens / max(size, 1)
        self._count += 1
        self._greatest = max(self._greatest, ratio)
        weight = max(_FADE, 1 / self._count)
        self._expected += weight * (ratio - self._expected)
