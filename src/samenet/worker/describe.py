"""An adapter says what it offers where it runs: `python -m samenet.worker.describe LEAF ANSWER`."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from samenet.machine import clock
from samenet.machine import imports as machine_imports


def main(path: Path, answer: Path, imports: list[str], distributions: list[str]) -> None:
    """Import the framework as a user would, run the adapter's file, write what it says."""
    machine_imports.keep_out()
    seconds = clock.time_call(lambda: [importlib.import_module(name) for name in imports])
    machine_imports.let_in()
    from samenet.machine import system  # the standard library only: the peak is still the import's

    import_bytes = system.peak_bytes()
    from samenet.adapter import discovery
    from samenet.machine import distributions as machine_distributions

    closure = machine_distributions.find_required(distributions)
    capabilities = discovery.load(path).capabilities()
    answer.write_text(
        json.dumps(
            {
                "capabilities": capabilities.model_dump(mode="json"),
                "versions": dict(
                    filter(None, map(machine_distributions.find_installed, distributions))
                ),
                "import_seconds": round(seconds, 3),
                "code": discovery.code_digest(),
                "installed": {
                    "distributions": closure,
                    "bytes": machine_distributions.size_bytes(closure),
                    "import_bytes": import_bytes,
                },
            }
        ),
        encoding="utf-8",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]), json.loads(sys.argv[4]))
