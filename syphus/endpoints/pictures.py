"""Pictures in requests: the data of a file in the place of its digest, when the request is sent and not before.

A request names its pictures by the digests of their files (:func:`syphus.endpoints.wire.content_of`). So its key holds for the
same picture wherever it lies, and what waits, is compared or is looked for in the ledger is small.
"""

from base64 import b64encode
from hashlib import blake2b
from pathlib import Path

from syphus.endpoints.wire import PICTURE
from syphus.errors import FailureKind, ModelError
from syphus.exchange import Picture, Request

Shown = dict[bytes, bytes]
"""What stands in a body for a picture -> what is sent in its place."""

PICTURE_BYTES = 6000
"""For the tokens that are held back until replies have told how many they are, a picture counts as a text of so many bytes:
OpenAI's gpt-4o bills 765 for 1024 x 1024 pixels in high detail, and at most 1,445 (its guide to vision)."""


def digest_of(data: bytes) -> str:
    """What a picture is called in requests."""
    return blake2b(data, digest_size=16).hexdigest()


def read_pictures(request: Request) -> Shown:
    """The pictures of a request, as data URIs.

    Raises:
        ModelError: a file cannot be read, or is another one than when the request was made.
    """
    return {
        _place(picture): b'{"url":"data:%s;base64,%s"}' % (picture.media_type.encode(), b64encode(_read(picture)))
        for message in request.messages
        for picture in message.pictures
    }


def with_pictures(data: bytes, shown: Shown) -> bytes:
    """A body with its pictures put in. Texts are escaped in JSON, so nothing in them looks like the place of one."""
    for place, picture in shown.items():
        data = data.replace(place, picture)
    return data


def _place(picture: Picture) -> bytes:
    return b'{"url":"%s%s"}' % (PICTURE.encode(), picture.digest.encode())


def _read(picture: Picture) -> bytes:
    try:
        data = Path(picture.path).read_bytes()
    except OSError as error:
        raise ModelError(FailureKind.BAD_REQUEST, f"{picture.path}: {error.strerror or error}") from error
    if digest_of(data) != picture.digest:
        raise ModelError(FailureKind.BAD_REQUEST, f"{picture.path}: is not the picture that was to be shown any more")
    return data
