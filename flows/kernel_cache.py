"""Where compiled kernels are kept: a folder per version of their sources.

Numba keys its cache on the file a kernel stands in, not on the kernels and constants it calls
from other files, so after an update it could run half-old code. A folder named after all
sources that kernels can depend on can't go stale.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

_TOP = Path(__file__).parents[1]
_IMPORT = re.compile(
    r"^[ \t]*(?:from|import) (pipeline[.\w]*)(?: import (\([^)]*\)|[^\n]*))?", re.MULTILINE
)


def sources_hash(top: Path = _TOP) -> str:
    """Return the hash of all sources that compiled kernels can depend on.

    Those are the files of `pipeline` that compile kernels, and whatever of `pipeline` they
    import, directly or not: a change elsewhere leaves the compiled kernels valid.
    """
    digest = hashlib.sha256()
    for path in kernel_sources(top):
        digest.update(str(path.relative_to(top)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def kernel_sources(top: Path = _TOP) -> list[Path]:
    """Return the files whose change may change a compiled kernel, sorted."""
    everything = {path: path.read_text("utf-8") for path in (top / "pipeline").rglob("*.py")}
    found: set[Path] = set()
    ahead = [path for path, text in everything.items() if "njit" in text]
    while ahead:
        path = ahead.pop()
        if path not in found:
            found.add(path)
            ahead += [p for p in _imported(everything[path], top) if p in everything]
    return sorted(found)


def _imported(text: str, top: Path) -> Iterator[Path]:
    """Yield the files that a source may import: modules, and modules named in packages."""
    for module, names in _IMPORT.findall(text):
        base = top / Path(*module.split("."))
        yield base.with_suffix(".py")
        yield base / "__init__.py"
        for name in re.findall(r"\w+", names):
            yield base / f"{name}.py"


def use_kernel_cache(home: Path) -> None:
    """Point numba (of this process and its children) at the folder for these sources.

    Must run before numba is imported; an NUMBA_CACHE_DIR that is set already stays.
    """
    os.environ.setdefault("NUMBA_CACHE_DIR", str(home / "kernels" / sources_hash()))
