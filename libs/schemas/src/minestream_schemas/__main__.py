"""``make schemas``: writes the JSON Schema of every registered topic."""

import json
import sys
from pathlib import Path

from minestream_schemas.topics import TOPICS

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "libs/schemas")
for topic in TOPICS:
    path = folder / topic.schema_file
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = topic.event.model_json_schema(mode="validation")
    path.write_text(json.dumps(schema, indent=1, sort_keys=True) + "\n")
    sys.stdout.write(f"{path}\n")
