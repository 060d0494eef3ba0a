"""Personal data in a text: addresses of mail, telephone numbers, numbers of cards, accounts and persons, streets.

By rules, and no library: ``phonenumbers`` takes 48 MB and finds no number without a country code as long as nobody says which
country a text is from. What has a check digit is checked, so a number that merely looks so is not taken for one.
"""

import re
from typing import NamedTuple


class Personal(NamedTuple):
    """A piece of personal data."""

    kind: str
    """``e_mail``, ``phone``, ``card``, ``account``, ``person_number``, ``ip_address``, ``street``."""
    evidence: str


_DIGIT = re.compile(r"\d")

# The HTML standard's "valid e-mail address", with a dot in the domain and an end that is no digit.
_E_MAIL = re.compile(
    r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z][a-zA-Z0-9-]{1,30}"
)
_RESERVED = re.compile(r"@(?:.*\.)?example\.(?:com|org|net)$|\.(?:example|test|invalid|localhost)$", re.IGNORECASE)
"""Domains that RFC 2606 keeps for examples."""

_INTERNATIONAL = re.compile(r"(?<![\w+])\+\d(?:[ ().\-/]{0,2}\d){7,14}(?!\d)")
"""ITU-T E.164: a country code and at most 15 digits in all."""
_AMERICAN = re.compile(r"(?<![\d.,-])(?:1[-. ])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-. ])([2-9]\d{2})[-. ](\d{4})(?![\d-])")
"""The North American numbering plan; 555-0100 to 555-0199 are kept for fiction."""
_CALLED = re.compile(
    r"(?:\b(?:phone|telephone|tel|mobile|cell|call|fax|whatsapp|telefon|telefonnummer|handy|téléphone|teléfono|móvil|"
    r"portable)\b|电话|電話|手机|携帯|전화|휴대폰|هاتف|جوال)[^\d\n]{0,15}((?:\d[ ().\-/]{0,2}){6,14}\d)",
    re.IGNORECASE,
)
_CARD = re.compile(r"(?<![\d.,-])(?:\d[ -]?){12,18}\d(?![\d.,-]*\d)")
_ACCOUNT = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
_SOCIAL_SECURITY = re.compile(r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])")
_CHINESE = re.compile(r"(?<!\d)[1-8]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\d)")
_NAMED_NUMBER = re.compile(
    r"\b(?:passport|social security|national id|identity card|driver'?s? licen[cs]e|personalausweis|reisepass|"
    r"sozialversicherungs|passeport|sécurité sociale|pasaporte|dni)\b[^\d\n]{0,25}\b([A-Z]{0,3}\d[\dA-Z -]{5,14}\d)\b",
    re.IGNORECASE,
)
_IP = re.compile(r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?!\d|\.\d)")
_PRIVATE_IP = re.compile(
    r"0\.|10\.|127\.|192\.168\.|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|172\.(?:1[6-9]|2\d|3[01])\.|255\."
)
_STREET = re.compile(
    r"\b\d{1,5} (?:[NSEW]\.? )?(?:[A-Z][a-z]+\.? |\d{1,3}(?:st|nd|rd|th) ){1,3}"
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Terrace)\b"
    r"|\b[A-ZÄÖÜ][a-zäöüß]+(?:straße|strasse|str\.|allee|gasse) \d{1,4}[a-z]?\b"
    r"|\b\d{1,4},? (?:bis )?(?:rue|avenue|boulevard|chemin|impasse) (?:d[eu] (?:la )?|des )?[A-Z][a-zé]+"
    r"|\b(?:[Cc]alle|[Aa]venida|[Pp]aseo) (?:de (?:la |los |las )?)?[A-Z][a-zá-ú]+,? (?:n\.?º ?)?\d{1,4}\b"
)


def find_personal(text: str) -> list[Personal]:
    """Personal data in a text, at most one of each kind."""
    found = []
    if "@" in text and (mail := _E_MAIL.search(text)) and not _RESERVED.search(mail[0]):
        found.append(Personal("e_mail", mail[0]))
    if not _DIGIT.search(text):
        return found
    for kind, find in _FINDERS:
        if evidence := find(text):
            found.append(Personal(kind, evidence))
    return found


def _find_phone(text: str) -> str:
    for match in _AMERICAN.finditer(text):
        if not (match[1] == "555" and match[2].startswith("01")):
            return match[0]
    found = _INTERNATIONAL.search(text)
    if found:
        return found[0]
    called = _CALLED.search(text)
    return called[1] if called and not _is_fiction(called[1]) else ""


def _is_fiction(number: str) -> bool:
    return bool(re.search(r"555[-. ]?01\d\d$", number))


def _find_card(text: str) -> str:
    for match in _CARD.finditer(text):
        digits = [int(sign) for sign in match[0] if sign.isdigit()]
        if len(set(digits)) > 1 and _passes_luhn(digits):
            return match[0]
    return ""


def _passes_luhn(digits: list[int]) -> bool:
    """ISO/IEC 7812-1, annex B."""
    doubled = [digit * 2 if at % 2 == 0 else digit for at, digit in enumerate(reversed(digits), start=1)]
    return sum(digit - 9 if digit > 9 else digit for digit in doubled) % 10 == 0


def _find_account(text: str) -> str:
    for match in _ACCOUNT.finditer(text):
        bare = match[0].replace(" ", "")
        # ISO 13616: the first four behind the rest, letters as 10 to 35, and the remainder by 97 is 1.
        if 15 <= len(bare) <= 34 and int("".join(str(int(sign, 36)) for sign in bare[4:] + bare[:4])) % 97 == 1:
            return match[0]
    return ""


def _find_person_number(text: str) -> str:
    if found := _SOCIAL_SECURITY.search(text):
        return found[0]
    for match in _CHINESE.finditer(text):
        # GB 11643-1999, ISO 7064 MOD 11-2.
        total = sum(int(sign) * pow(2, 17 - at, 11) for at, sign in enumerate(match[0][:17]))
        if "10X98765432"[total % 11] == match[0][17].upper():
            return match[0]
    found = _NAMED_NUMBER.search(text)
    return found[1] if found else ""


def _find_ip(text: str) -> str:
    return next((match[0] for match in _IP.finditer(text) if not _PRIVATE_IP.match(match[0])), "")


def _find_street(text: str) -> str:
    found = _STREET.search(text)
    return found[0] if found else ""


_FINDERS = (
    ("phone", _find_phone),
    ("card", _find_card),
    ("account", _find_account),
    ("person_number", _find_person_number),
    ("ip_address", _find_ip),
    ("street", _find_street),
)
