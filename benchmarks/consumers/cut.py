"""Runs definitions of a consumer's source file without its imports: those pull in models, CUDA kernels and storage clients.

It runs in the consumer's environment, and imports nothing of syphus.
"""

import ast
from pathlib import Path
from types import ModuleType
from typing import Any


def cut(file: Path, names: set[str], module: ModuleType) -> None:
    """Puts the functions and classes ``names`` of a source file into ``module``, whose other names they see.

    Args:
        file: of a checkout.
        names: top-level functions and classes, as they stand there, decorators and all.
        module: what they use and do not define must be in it.

    Raises:
        SystemExit: the file has no such definition.
    """
    tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
    kept = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in names]
    if missing := names - {node.name for node in kept}:
        raise SystemExit(f"{file} has no {', '.join(sorted(missing))}")
    exec(compile(ast.Module(kept, []), str(file), "exec"), vars(module))


def make_module(name: str, **given: Any) -> ModuleType:
    """A module with these names in it."""
    module = ModuleType(name)
    vars(module).update(given)
    return module
