"""The one door to pyarrow, which is the extra ``syphus[parquet]``."""

from importlib import import_module
from types import ModuleType

from syphus.errors import InputError


def import_parquet(what: str) -> tuple[ModuleType, ModuleType]:
    """``pyarrow`` and ``pyarrow.parquet``. Raises :class:`InputError` where they are not installed."""
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise InputError(
            f"{what} needs pyarrow, which is not installed", mend="pip install 'syphus[parquet]'"
        ) from error
