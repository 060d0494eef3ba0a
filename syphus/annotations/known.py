"""Which ids a source has had already, in 12 to 24 bytes for each: a million scenes are 16 MB, where a set of texts takes 190."""

from array import array
from hashlib import blake2b

_FIRST_SLOTS = 1024
_FULLEST = 0.66


class KnownIds:
    """A set of texts, of which only 64-bit digests are kept (open addressing, linear probing).

    Two texts of the same digest would be taken for one; in a million that has a chance of three in a hundred million.
    """

    def __init__(self) -> None:
        self._slots = array("Q", [0]) * _FIRST_SLOTS
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, text: str) -> bool:
        """Takes it in; False where it is there already."""
        if self._count > _FULLEST * len(self._slots):
            self._grow()
        digest = int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little") or 1
        slot = self._slot_of(digest)
        if self._slots[slot]:
            return False
        self._slots[slot] = digest
        self._count += 1
        return True

    def _slot_of(self, digest: int) -> int:
        """Where a digest stands, or the free slot where it would; 0 is a free one's content."""
        slots, last = self._slots, len(self._slots) - 1
        slot = digest & last
        while (there := slots[slot]) and there != digest:
            slot = (slot + 1) & last
        return slot

    def _grow(self) -> None:
        before = self._slots
        self._slots = array("Q", [0]) * (2 * len(before))
        for digest in before:
            if digest:
                self._slots[self._slot_of(digest)] = digest
