"""Processes that the benchmarks start, and the processor time that they count."""

import shutil
import sys
import uuid
from pathlib import Path

import pytest
from processes import CheckoutError, call, serving, usage
from traffic import PUT

from mlsdm_grpc._gen.mlsdm.v1.admin_service_pb2 import GetServerInfoRequest, GetServerInfoResponse
from mlsdm_grpc._gen.mlsdm.v1.memory_put_pb2 import PutMemoryRequest

pytestmark = pytest.mark.timeout(120)
ROOT = Path(__file__).parents[2]
SERVER_INFO = "/mlsdm.v1.AdminService/GetServerInfo"
TEXTS = 40


def test_all_processes_of_a_server_are_counted_by_their_roles(tmp_path):
    with serving(tmp_path / "data") as server:
        before = usage(server)
        for number in range(TEXTS):
            text = f"The invoice of month {number} is {uuid.uuid4()}. " * 20
            request = PutMemoryRequest(memory={"text": text}, request_id=str(uuid.uuid4()))
            call(server.target, PUT, request.SerializeToString())
        after = usage(server)
    spent = {
        part: getattr(after, f"{part}_cpu_s") - getattr(before, f"{part}_cpu_s")
        for part in ("server", "minds", "text")
    }
    assert all(cpu_s > 0 for cpu_s in spent.values()), spent
    # Judging and embedding 1,600 bytes takes longer than storing a vector does.
    assert spent["text"] > spent["minds"], spent
    assert sum(spent.values()) == pytest.approx(after.cpu_s - before.cpu_s)
    assert after.server_rss_bytes > 2**20
    assert after.minds_rss_bytes > 2**20


def test_another_checkout_runs_its_own_code(tmp_path):
    other = tmp_path / "other"
    python = other / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    shutil.copytree(ROOT / "mlsdm_grpc", other / "mlsdm_grpc")
    package = other / "mlsdm_grpc" / "__init__.py"
    package.write_text(package.read_text() + '\n__version__ = "0.0.7"\n')
    with serving(tmp_path / "data", checkout=other) as server:
        answer = call(server.target, SERVER_INFO, GetServerInfoRequest().SerializeToString())
        assert usage(server).minds_cpu_s > 0
    assert GetServerInfoResponse.FromString(answer).info.version == "0.0.7"


def test_a_checkout_that_cannot_run_is_said(tmp_path):
    with (
        pytest.raises(CheckoutError, match="no checkout of mlsdm-grpc"),
        serving(tmp_path / "data", checkout=tmp_path),
    ):
        pass
    (tmp_path / "mlsdm_grpc").mkdir()
    (tmp_path / "mlsdm_grpc" / "__main__.py").touch()
    with (
        pytest.raises(CheckoutError, match="run `make setup` in it first"),
        serving(tmp_path / "data", checkout=tmp_path),
    ):
        pass
