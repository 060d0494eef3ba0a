"""Pickles that hold nothing but plain values: dictionaries, lists, texts and numbers, as old data sets were published in.

A pickle is a program, and loading a stranger's runs it. This machine knows only the instructions that build plain values; one
that names a class or calls anything ends the reading. It is Python's own machine in Python (not in C), because that one keeps
its memory of values in a list as long as the largest number in the file, so that seven bytes can ask for 64 GB.
"""

import pickle
import pickletools
from io import BytesIO
from pathlib import Path
from typing import Any

from syphus.annotations.text_files import open_bytes
from syphus.errors import InputError

_FORBIDDEN = (
    *("GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "REDUCE", "BUILD"),
    *("EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID", "NEXT_BUFFER", "READONLY_BUFFER"),
)
_CODES = {ord(opcode.code): opcode.name for opcode in pickletools.opcodes}


class _CallsError(pickle.UnpicklingError):
    """The pickle would call something."""


class _PlainUnpickler(pickle._Unpickler):  # noqa: SLF001  (the machine in Python has no public name)
    """Builds plain values only."""

    dispatch = {code: load for code, load in pickle._Unpickler.dispatch.items() if _CODES.get(code) not in _FORBIDDEN}  # noqa: SLF001, RUF012

    def find_class(self, module: str, name: str) -> Any:
        raise _CallsError(f"{module}.{name}")


def load_plain(file: Path) -> Any:
    """The value of a pickle; texts of Python 2 are read as UTF-8.

    Raises:
        InputError: for a file that is no pickle, is torn, or holds anything but plain values.
    """
    with open_bytes(file) as stream:
        data = stream.read()
    if not data:
        raise InputError("is empty", file=file)
    try:
        return _PlainUnpickler(BytesIO(data), encoding="utf-8", errors="replace").load()
    except KeyError as error:
        name = _CODES.get(error.args[0]) if error.args and isinstance(error.args[0], int) else None
        if name in _FORBIDDEN:
            raise _refuse(file, f"the instruction {name}") from error
        raise InputError("is no pickle", file=file) from error
    except _CallsError as error:
        raise _refuse(file, str(error)) from error
    except EOFError as error:
        mend = "The file ends in the middle: it was cut while being written or copied. Fetch it again."
        raise InputError("is a pickle without its end", file=file, mend=mend) from error
    except Exception as error:  # a damaged pickle can end in any error that building a value can raise
        raise InputError(f"is no pickle that can be read: {error or type(error).__name__}", file=file) from error


def _refuse(file: Path, what: str) -> InputError:
    return InputError(
        f"is a pickle that holds more than plain values ({what[:80]}); it is not loaded",
        file=file,
        mend="RefCOCO's own files hold dictionaries, lists, texts and numbers only: fetch it again from where it is published.",
    )
