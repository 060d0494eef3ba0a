"""What a reply calls one of several assets."""

_WORDS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def name_picture(number: int) -> str:
    """``the first picture`` for 1; from the eleventh on ``picture 11``."""
    return f"the {_WORDS[number - 1]} picture" if number <= len(_WORDS) else f"picture {number}"
