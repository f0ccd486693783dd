"""Total memory of the spaces."""

from mlsdm_grpc.protection.memory_budget import Budget


def test_the_budget_is_exceeded_above_what_was_set_and_leaves_a_little_room():
    budget = Budget(1_000)
    assert (budget.limit_bytes, budget.goal_bytes) == (1_000, 900)
    budget.used_bytes = 1_000
    assert not budget.exceeded
    budget.used_bytes = 1_001
    assert budget.exceeded


def test_a_budget_is_exhausted_where_no_other_space_may_come():
    budget = Budget(1_000, 1_500)
    budget.used_bytes = 1_500
    assert (budget.exceeded, budget.exhausted) == (True, False)
    budget.used_bytes = 1_501
    assert budget.exhausted


def test_a_budget_of_zero_is_no_limit():
    budget = Budget(0)
    budget.used_bytes = 10**15
    assert not budget.exceeded
    assert not budget.exhausted
