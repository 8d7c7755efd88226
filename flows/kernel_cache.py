"""Where compiled kernels are kept: a folder per version of their sources.

Numba keys its cache on the file a kernel stands in, not on the kernels and constants it calls
from other files, so after an update it could run half-old code. A folder named after all
sources of the pipeline can't go stale.
"""

import hashlib
import os
from pathlib import Path

_PIPELINE = Path(__file__).parents[1] / "pipeline"


def sources_hash() -> str:
    """Return the hash of all sources that compiled kernels can depend on."""
    digest = hashlib.sha256()
    for path in sorted(_PIPELINE.rglob("*.py")):
        digest.update(str(path.relative_to(_PIPELINE)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def use_kernel_cache(home: Path) -> None:
    """Point numba (of this process and its children) at the folder for these sources.

    Must run before numba is imported; an NUMBA_CACHE_DIR that is set already stays.
    """
    os.environ.setdefault("NUMBA_CACHE_DIR", str(home / "kernels" / sources_hash()))
