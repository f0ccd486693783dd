"""Each reason of the contract is raised by the server, or its comment says that it is not."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_RETURNED = "Not returned by this version"


def comments_of_reasons() -> dict[str, str]:
    source = (ROOT / "proto/mlsdm/v1/error_reason.proto").read_text()
    blocks = re.findall(r"((?:  //.*\n)+)  ERROR_REASON_(\w+) = [1-9]", source)
    return {
        name: " ".join(line.strip(" /") for line in block.splitlines()) for block, name in blocks
    }


def raised(reason: str, sources: str) -> bool:
    return f'"{reason}"' in sources


def test_each_reason_is_raised_or_marked_as_not_returned() -> None:
    comments = comments_of_reasons()
    assert len(comments) == 56
    package = ROOT / "mlsdm_grpc"
    skipped = {package / "wire/status.py", package / "interceptors/call_status.py"}
    sources = "\n".join(
        file.read_text()
        for file in package.rglob("*.py")
        if "_gen" not in file.parts and "client" not in file.parts and file not in skipped
    )
    marked = {name for name, comment in comments.items() if f". {NOT_RETURNED}" in comment}
    assert marked == {name for name in comments if not raised(name, sources)}


def test_a_reason_that_is_not_raised_is_found() -> None:
    assert not raised("BULKHEAD_FULL", 'reason="BULKHEAD_EMPTY"')


def test_common_statuses_stand_once_in_each_service() -> None:
    for file in sorted((ROOT / "proto/mlsdm/v1").glob("*_service.proto")):
        source = file.read_text()
        for reason in ("CREDENTIAL_MISSING", "PERMISSION_MISSING", "DEADLINE_TOO_SHORT"):
            assert source.count(reason) == 1, (file.name, reason)
