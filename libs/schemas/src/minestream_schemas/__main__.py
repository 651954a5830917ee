"""``make schemas``: writes what is generated from the registry, below the folder given."""

import sys
from pathlib import Path

from minestream_schemas.catalogue import documents

root = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
for path, text in documents():
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    sys.stdout.write(f"{path}\n")
