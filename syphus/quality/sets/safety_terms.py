"""Slurs and sexual terms in eight languages, as hashes, and how they are found in a text.

The terms are chosen out of the "List of Dirty, Naughty, Obscene, and Otherwise Bad Words" of LDNOOBW (package
``naughty-words`` 1.2.0, CC BY 4.0; English, German, French, Spanish, Chinese, Japanese, Korean, Arabic), which was made to keep
words out of suggestions and holds many that are harmless in a picture: the rooster, the tit, the rape field, the tomato. Those
are left out: of 1,237 terms 331 are here. What is here is hashed (BLAKE2b of 40 bits): nobody has to read it, no search
engine finds it here, and whether a word is among them is told by :func:`hash_term`. With a vocabulary of a million words,
one of them is taken for a term with a chance of 1 in 3,000.
"""

import re
from functools import lru_cache
from hashlib import blake2b
from typing import Final, Literal

TermKind = Literal["slur", "explicit", "suggestive", "abuse"]
"""``explicit``: sexual by itself. ``suggestive``: harmless of adults, and of art. ``abuse``: names the abuse of minors."""

_LONGEST, _LONGEST_UNSPACED = 4, 9
"""Words, or signs where words have no spaces, of the longest term."""
_RUN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2,}")
_ALLOWED: Final = (
    "maine coon",
    "maine coons",
    "spic and span",
    "field of rape",
    "fields of rape",
    "rape field",
    "rape seed",
)

_SLURS: Final = """
    034c0800fd 094b9e5016 0ab367d6e5 0b90549cd8 0c594d3696 0da5b4dc0b 1747baf7d4 19067d8b4f 1977003109 1a1b0e7cee
    1c6e64cbae 1d8874055f 21f37b2133 2449e43c33 2be1636b52 2ca98bc8a6 352e8cd5f5 372b015a7f 3a70392059 4ca9eb359d
    4f45628ad5 52aac005ea 648c350bda 67195eac93 6fda8d5ec3 72e251028e 76037d2653 7c833f23f3 806d2d4c33 8b02ac7147
    9518b17f24 ab92b3da17 af5389d95e b7c282055e b863c9bb42 b96a20c1cf bddec619bf c126eac9d8 c250fd6cba c72763d588
    c93b3c6386 caba33e477 cba4185ee9 cd1fc10dd8 cdfaf0c9da d533872203 dbe6a773a8 e40ea81f32 ede91bc942 ef7e879b8c
    f206fb5530
"""
_EXPLICIT: Final = """
    065a09ec14 06b089beba 06bbca281e 0a685b22c7 0b25ea52b0 0b53233bc2 0c6d701ab5 0cc0b6a8ed 0cf75e12d3 0d3f097dfb
    0e3b52d353 0f18ff5483 0f715b213b 1010160d6f 10ac5da390 148784b7ba 1733ac2525 1739b7f732 174a9803ad 17a8ebe99f
    17b5baa61c 18959588f9 18a9cdaf60 1bfd5f39e3 1c743acc01 1cbb5d2630 1daba2f307 202cf6e4de 20b1f02178 211ee723a7
    217da122ab 22a0c8ee9a 24138fb2dc 24658b044c 2603b2d4e8 267c800038 28d43fb8ff 297636a373 298a023246 2c964c808b
    2d4a0eb699 2dddaee446 31b5473670 329c08c4fb 341c783039 352b270be5 359d1188e4 3839b64fd3 387d96d9b0 38c587a4a2
    3904d26976 391eec6bf6 3b13905b2b 3b1cf3c804 3ed064fa96 3f8b76e822 3ff1521267 417d06cfc9 43386fd926 45cf231e96
    45e76e7aad 499e54a143 49a2a95458 4a441136e5 4dbfc10fc6 4df275fdaf 50abc6e82b 51e6d0590c 547c7510e2 548ebb3574
    5750a32ecd 5778eed3da 584fdadbf5 592caa1501 5cdef3072e 5cfbf7ec9c 5d97e706fb 5eaca105e3 5f8a83e028 5feee85091
    6177571ca9 62f9d81f05 63dd55b451 6556ff60a2 658880c0eb 662ad989b8 6854b4c5b7 6a89f221e0 6aa8c5ec25 6b06530501
    6d386b5cb9 6ea6064134 6f21fa8984 6fa609d2d9 71c29a123e 71e2a7f299 71f98d779e 724c5c4f88 74bc998fd2 74c20d3074
    76ec250a8e 778cdae61a 7c1bb332ac 7c71270e3e 7f76a83a45 82f52448b6 83bd98ddeb 86c5283440 87dd82f2cc 8869a588b7
    887bf4b62a 88c4c4f2b0 89bd7b1141 8bb5d574a6 8c04ce0070 8f2d12c31b 8f8a086d98 8ff7d0b5f1 9054fddc97 910722fdea
    926201eeab 95d776962a 96170549c9 977d6ca102 99ed6a7eec 9bdc5b7e10 9c1e972a78 9c84a0ff2c 9e81573df4 9f53c0b26a
    a0dceba766 a48746ab3d a6162919ef a6318021c9 a70e980149 a7dddc79d6 a7e6f6d236 ae0bd2a691 ae1f4b8eba aeb2c07862
    b56f375bf9 b5b6dc2240 b5dfda3276 b5f5db9535 b60876aeae b772fe8675 b776dfd30b b7911d20c1 b7a5109bdf b856d30fe0
    b8837fc1d0 b8eea2d802 b95de6b599 b9a104b602 ba415950fc be60100d4d be629f6f8b bf8f0051d0 c2485a10fe c3d40fd3ef
    c5d384f9a5 c73a805353 c7f8dd4eca cdab8c9081 cde2527f1a ce373cb438 cf6f5834ff cfcb6f4539 d38aad3821 d3bb9d950d
    d410c5fc8f d63d5a4b01 d6606758bd d73bc3034c d7f5a115a9 d926a5c6ea d98d613421 da9d60971d db77674ac4 db9d34f609
    dbe50d3d19 dd5aeae120 deaf10c600 df2b61fa84 e5d64de0f3 e772bedaeb e88de458f5 e920c1978e e96517afa6 ea60d0c975
    edcfe2182e edd4754e27 ee1b08a7b8 ee984faef3 f0ecb60081 f1fad97796 f3b5069bc3 f5eaec5ab7 f63b36a938 f9d28da5db
    fbecdbcbae fe6b9f0599
"""
_SUGGESTIVE: Final = """
    01aa02afcc 02786569a7 034a60bd26 08e77c80cd 102c6aefd9 134349406b 15b5857725 18003a4a70 1814987ea2 19d25c98b0
    1be54df54e 1f88b38b8f 2359b071c1 25ae14e00b 27e4ef858d 2c15f8482d 2cf78231df 2d3c68875d 2e60426208 339d4a5874
    3dcf3bced8 457b373b4a 5051d09ea4 50fe203157 56d939b9ef 6454e1eb7a 652a109703 681a7829a4 6c1bc31b25 6ea13f1e34
    76bd120a98 7b05c02f3b 7b8ba6859c 831b46dbaf 8a7f0bb6aa 8f00477764 90764cda64 93ff685cf9 93ffb1b489 9eee7173a5
    a53ebf74ee a6516d056a aa82b661d3 ae3734e0e5 afa29315d2 b047776385 ba0d4d6c13 c06bc09ecb c14d5dc53e c330b05c31
    c70d9ecc04 c9b29a0437 ca994cfb53 ce5ee2be43 d6cf20a2f4 dabfe39476 daf29770a7 e18e1275f4 e65c33e5ea e990d35faa
    ec5780bf23 ee8878b300 f1b7ba4a67 f5c90faa46 fa1c65e56c fe6c174d06
"""
_ABUSE_OF_MINORS: Final = """
    0df3a8a98b 4c18a0e3e2 5dfed6fe35 8f948f292c 979f977cf0 a301c82662 bee412bbf3 c8337e0b8d d0dbdad27d d525d55fed
    e69ac77929 ec58c7aa68
"""
_STARTS: Final = """
    00a927db08 01aa02afcc 02786569a7 034a60bd26 034c0800fd 065a09ec14 06bbca281e 08e77c80cd 094b9e5016 0ab367d6e5
    0b25ea52b0 0b53233bc2 0b90549cd8 0c594d3696 0cc0b6a8ed 0cf30d04df 0d3f097dfb 0da5b4dc0b 0e3b52d353 0f18ff5483
    0f715b213b 1010160d6f 10ac5da390 11d3046bd2 134349406b 15b5857725 1733ac2525 1739b7f732 1747baf7d4 174a9803ad
    18003a4a70 1814987ea2 18959588f9 19067d8b4f 193fc66334 1977003109 19d25c98b0 1a1b0e7cee 1b9233112d 1bfd5f39e3
    1c6e64cbae 1cbb5d2630 1d9b5e8d8a 1daba2f307 1f88b38b8f 202cf6e4de 211ee723a7 217da122ab 21f37b2133 22a0c8ee9a
    2359b071c1 24138fb2dc 2449e43c33 25071c701f 25bab05881 267c800038 27e4ef858d 28d43fb8ff 297636a373 298a023246
    2be1636b52 2c15f8482d 2c964c808b 2cf78231df 2d3c68875d 2d4a0eb699 2dddaee446 2e60426208 31b5473670 33d2f76365
    341c783039 352b270be5 352e8cd5f5 356c19e52a 359d1188e4 35cbf04bcf 372b015a7f 3839b64fd3 387d96d9b0 38c587a4a2
    3904d26976 3a70392059 3b13905b2b 3b1cf3c804 3b3300c63b 3c2ad74813 3dcf3bced8 3ed064fa96 3f8b76e822 417d06cfc9
    42f99aaf3d 43386fd926 4383689d60 457b373b4a 45e76e7aad 477c5ea83e 49a2a95458 4a441136e5 4bd872dae7 4c18a0e3e2
    4ca9eb359d 4dbfc10fc6 4df275fdaf 4f45628ad5 5051d09ea4 50abc6e82b 51e6d0590c 52aac005ea 52eb81a637 548ebb3574
    54de1a0688 55d7081a4f 56d939b9ef 57547f5349 5778eed3da 57d4f1e927 586d70699c 592caa1501 5ae808da79 5b6e89113f
    5cdef3072e 5cfbf7ec9c 5d1ebfb936 5d97e706fb 5dfed6fe35 5f8a83e028 6046ac0678 6177571ca9 62802bdc47 62f9d81f05
    648c350bda 6500b9453f 652a109703 6556ff60a2 658880c0eb 662ad989b8 6685f1b72f 67195eac93 681a7829a4 6854b4c5b7
    6a89f221e0 6b06530501 6c1bc31b25 6d386b5cb9 6dd4e98c87 6ea13f1e34 6ea6064134 6f21fa8984 6fda8d5ec3 71c29a123e
    71e2a7f299 71f98d779e 72e251028e 74e884334c 758a683b6e 76037d2653 76455b888c 76b2532f13 76bd120a98 76ec250a8e
    778cdae61a 7a70f1d086 7b05c02f3b 7b8ba6859c 7c1bb332ac 7c320a1907 7c71270e3e 7c833f23f3 7f5cfad87c 7f76a83a45
    7f9cf7c2f9 806d2d4c33 83bd98ddeb 86c5283440 8774709244 87dd82f2cc 8869a588b7 887bf4b62a 88c4c4f2b0 89bd7b1141
    8a7f0bb6aa 8b02ac7147 8b8cb2a016 8bb5d574a6 8c04ce0070 8f00477764 8f2d12c31b 8f8a086d98 8ff7d0b5f1 90764cda64
    910722fdea 91556e124b 926201eeab 928dce4ea3 93ff685cf9 93ffb1b489 9518b17f24 95d776962a 96170549c9 98c21ff0f6
    99ed6a7eec 9bdc5b7e10 9c1e972a78 9c84a0ff2c 9d6fa31ea7 9e81573df4 9f53c0b26a a0dceba766 a1a2647348 a48746ab3d
    a4adb21c8b a53ebf74ee a5d48dd208 a6162919ef a6737a9f8e a7dddc79d6 a7e6f6d236 ab92b3da17 add2c49042 ae0bd2a691
    aeb2c07862 af5389d95e afa29315d2 b047776385 b5b6dc2240 b5dfda3276 b60876aeae b772fe8675 b776dfd30b b7911d20c1
    b7a5109bdf b863c9bb42 b8837fc1d0 b8c60db0ed b8ee5ef238 b8eea2d802 b9a104b602 ba0d4d6c13 ba415950fc bca659b08f
    bd69673f9b bddec619bf be60100d4d be629f6f8b bf8f0051d0 c06bc09ecb c084271c35 c126eac9d8 c1499ddacc c14d5dc53e
    c2485a10fe c250fd6cba c345a3b8f3 c3d40fd3ef c4ee73818a c5d384f9a5 c69076af09 c70d9ecc04 c72763d588 c73a805353
    c93b3c6386 c9b29a0437 ca994cfb53 caba33e477 cba4185ee9 cc1a944bee cdab8c9081 cdb261e437 cde2527f1a cdfaf0c9da
    cf07de8625 cf6f5834ff cfcb6f4539 cfde066bfa d0dbdad27d d38aad3821 d3bb9d950d d4f3bd4d50 d525d55fed d63d5a4b01
    d6606758bd d6cf20a2f4 d73bc3034c d90631d831 d926a5c6ea d98d613421 da9d60971d dabfe39476 daf29770a7 db42406019
    db77674ac4 dbe6a773a8 dd5aeae120 df2b61fa84 e18e1275f4 e335be0773 e37dd43c68 e65c33e5ea e68ffc565c e717c0e9fe
    e772bedaeb e88de458f5 e920c1978e e96517afa6 e990d35faa ea60d0c975 eb5f62ab92 ec5780bf23 ec58c7aa68 edcfe2182e
    edd4754e27 ede91bc942 ee8878b300 ee984faef3 ef7e879b8c f0ecb60081 f1aa5461f1 f1b7ba4a67 f1fad97796 f206fb5530
    f3b5069bc3 f5c90faa46 f5eaec5ab7 f63b36a938 f9d28da5db fa1c65e56c fbecdbcbae fe6b9f0599 fe6c174d06
"""


def _parse(table: str) -> frozenset[int]:
    return frozenset(int(one, 16) for one in table.split())


_KINDS: Final[dict[int, TermKind]] = {
    **dict.fromkeys(_parse(_SUGGESTIVE), "suggestive"),
    **dict.fromkeys(_parse(_EXPLICIT), "explicit"),
    **dict.fromkeys(_parse(_ABUSE_OF_MINORS), "abuse"),
    **dict.fromkeys(_parse(_SLURS), "slur"),
}
_STARTS_HERE: Final = _parse(_STARTS)


def hash_term(term: str) -> int:
    """The hash of a term: its words in lower case with single spaces between, or its signs where words have no spaces."""
    return int.from_bytes(blake2b(term.encode(), digest_size=5, person=b"syphus terms").digest(), "big")


@lru_cache(maxsize=1 << 17)
def _may_begin(start: str) -> bool:
    """Whether a term begins with this word, or with these two signs."""
    return hash_term(start) in _STARTS_HERE


_harmless: set[str] = set()
"""Words that no term begins with; most texts are made of them alone, so most are looked at once and not hashed again."""
_MOST = 200_000


def find_terms(folded: str, words: list[str]) -> list[tuple[TermKind, str]]:
    """The terms in a text, with their kinds.

    Args:
        folded: the text in lower case.
        words: its words in lower case (:func:`syphus.quality.vocabulary.split_words`).
    """
    found: list[tuple[TermKind, str]] = []
    starts = set()
    for word in set(words) - _harmless:
        if _may_begin(word) or (word.startswith("ال") and _may_begin(word[2:])):
            starts.add(word)
        elif len(_harmless) < _MOST:
            _harmless.add(word)
    if starts:
        for at, word in enumerate(words):
            if word in starts:
                found += _longest_at(words, at)
    if not folded.isascii():
        for run in _RUN.findall(folded):
            found += _find_unspaced(run)
    return found


def _longest_at(words: list[str], at: int) -> list[tuple[TermKind, str]]:
    for length in range(min(_LONGEST, len(words) - at), 0, -1):
        term = " ".join(words[at : at + length])
        kind = _KINDS.get(hash_term(term)) or _KINDS.get(hash_term(term.removeprefix("ال")))
        if kind:
            around = " ".join(words[max(at - 2, 0) : at + length + 2])
            return [] if any(harmless in around for harmless in _ALLOWED) else [(kind, term)]
    return []


def _find_unspaced(run: str) -> list[tuple[TermKind, str]]:
    found: list[tuple[TermKind, str]] = []
    at = 0
    while at < len(run) - 1:
        step = 1
        if _may_begin(run[at : at + 2]):
            for length in range(min(_LONGEST_UNSPACED, len(run) - at), 1, -1):
                if kind := _KINDS.get(hash_term(run[at : at + length])):
                    found.append((kind, run[at : at + length]))
                    step = length
                    break
        at += step
    return found
