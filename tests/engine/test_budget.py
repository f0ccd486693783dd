"""What the spaces may take together."""

import os

from mlsdm_grpc.engine.budget import Budget

PHYSICAL = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_the_budget_is_what_was_set_or_follows_the_memory(monkeypatch):
    budget = Budget(1_000)
    budget.settle()
    assert (budget.limit_bytes, budget.goal_bytes) == (1_000, 900)
    for limit, expected in ((None, PHYSICAL), (1 << 30, 1 << 30), (1 << 60, PHYSICAL)):
        monkeypatch.setattr("mlsdm_grpc.engine.budget.cgroup_limit", lambda limit=limit: limit)
        budget = Budget(0)
        budget.settle()
        assert budget.limit_bytes == int(0.6 * expected)
    assert not budget.exceeded
    budget.used_bytes = budget.limit_bytes + 1
    assert budget.exceeded
