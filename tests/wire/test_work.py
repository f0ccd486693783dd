"""Every RPC of the contract has a class of work that fits its declaration."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor_pb2 import MethodOptions

from mlsdm_grpc.server.build import SERVICES
from mlsdm_grpc.wire.method_classes import WORK, MethodClass

METHODS = {
    f"/{service.full_name}/{method.name}": method
    for service in SERVICES
    for method in service.methods
}


def test_every_rpc_has_its_kind_and_nothing_else_has():
    assert set(WORK) == set(METHODS)


@pytest.mark.parametrize("path", METHODS)
def test_the_kind_fits_the_contract(path):
    work = WORK[path]
    reads = METHODS[path].GetOptions().idempotency_level == MethodOptions.NO_SIDE_EFFECTS
    assert (work is MethodClass.ADMIN) == ("/mlsdm.v1.AdminService/" in path)
    assert (work is MethodClass.GENERATION) == ("/mlsdm.v1.GenerationService/" in path)
    if reads:
        assert work is not MethodClass.WRITE
    elif not path.endswith("RepairSpeech"):  # has an effect on nothing that is kept
        assert work is not MethodClass.READ
