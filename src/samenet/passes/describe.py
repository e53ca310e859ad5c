"""An adapter says what it offers where it runs: `python -m samenet.passes.describe LEAF ANSWER`."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from samenet import clock


def main(path: Path, answer: Path, imports: list[str], distributions: list[str]) -> None:
    """Import the framework as a user would, run the adapter's file, write what it says."""
    seconds = clock.seconds(lambda: [importlib.import_module(name) for name in imports])
    from samenet import machine  # the standard library only: the peak is still the import's

    import_bytes = machine.peak_bytes()
    from samenet import installed, leaf

    closure = installed.closure(distributions)
    capabilities = leaf.load(path).capabilities()
    answer.write_text(
        json.dumps(
            {
                "capabilities": capabilities.model_dump(mode="json"),
                "versions": dict(filter(None, map(machine.installed, distributions))),
                "import_seconds": round(seconds, 3),
                "code": leaf.code_digest(),
                "installed": {
                    "distributions": closure,
                    "bytes": installed.size_bytes(closure),
                    "import_bytes": import_bytes,
                },
            }
        ),
        encoding="utf-8",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]), json.loads(sys.argv[4]))
