"""Loads a dataset with the official package, in a process of its own: `python -m ... NAME SPLIT FILE`.

The package is large to import and reads what it finds around itself, such as a `.env` with keys; `datasets.py` starts
this where there is nothing of that kind. Names of files and datasets are understood by the package.
"""

import json
import sys
from pathlib import Path


def main(name: str, split: str, target: str) -> None:
    """Write the records of a dataset to a new file, one per line, in ASCII."""
    from swebench.harness.utils import load_swebench_dataset  # pyright: ignore[reportUnknownVariableType]

    with Path(target).open("x", encoding="ascii") as stream:
        for record in load_swebench_dataset(name, split):
            stream.write(json.dumps(record, default=str) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
