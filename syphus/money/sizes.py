"""How many tokens a request has, before the endpoint has counted them: from its bytes, and from what was counted so far.

Good enough to hold back from a limit or to reserve money; what is billed and shown comes from the replies.
"""

_BYTES_PER_TOKEN = 4.0
_FEWEST_BYTES_PER_TOKEN = 2.0
_HIDDEN = 100
"""Until counts have come: no tokenizer in use needs more tokens for text, and no chat template adds more of its own."""
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
        if self._count >= _ENOUGH:
            return round(size * self._greatest * _CAUTION) + 1
        return round(max(size / _FEWEST_BYTES_PER_TOKEN + _HIDDEN, size * self._greatest))

    def learn(self, size: int, tokens: int) -> None:
        """An endpoint has counted ``tokens`` in ``size`` bytes."""
        ratio = tokens / max(size, 1)
        self._count += 1
        self._greatest = max(self._greatest, ratio)
        weight = max(_FADE, 1 / self._count)
        self._expected += weight * (ratio - self._expected)
