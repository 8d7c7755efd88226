"""Loading aiogram so that it builds only the types that are used: 100 MB and 2 s of CPU less.

aiogram 3 ends its import by building the validators of all of its 600 types at once. Here each
is left to be built by pydantic when it is first used, which needs the names of the other types
in the module of each. If aiogram is loaded already, or changes how it does this, nothing is lost
but the saving.
"""

import importlib
import sys
from typing import Any

from pydantic import BaseModel


def load_aiogram() -> None:
    """Import aiogram with its types unbuilt."""
    if "aiogram" in sys.modules:
        return
    built = BaseModel.__dict__["model_rebuild"]
    names: dict[str, Any] = {}

    def later(cls: type[BaseModel], /, **options: Any) -> bool | None:
        """Keep the names instead of building; whatever else is asked for is done."""
        namespace = options.get("_types_namespace")
        if cls.__module__.startswith("aiogram.types.") and namespace:
            names.update(namespace)
            return None
        done: bool | None = built.__func__(cls, **options)
        return done

    BaseModel.model_rebuild = classmethod(later)  # type: ignore[assignment, method-assign]
    try:
        importlib.import_module("aiogram.types")
    finally:
        BaseModel.model_rebuild = built  # type: ignore[method-assign]
    for name, module in list(sys.modules.items()):
        if name.startswith("aiogram.types."):
            for word, value in names.items():
                module.__dict__.setdefault(word, value)
    importlib.import_module("aiogram")
