"""``mlsdm tenant`` against a running server."""

import json


def test_quotas_are_shown_listed_and_set(mlsdm, target):
    def run(*arguments):
        done = mlsdm("tenant", *arguments, MLSDM_TARGET=target)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert mlsdm("put", "A fact.", MLSDM_TARGET=target).returncode == 0
    shown = json.loads(run("show", "--json"))
    assert shown["tenant"] == "dev"
    changed = json.loads(run("set", "dev", "--spaces", "900", "--space-capacity", "50", "--json"))
    assert changed["quotas"] == {"space_count": "900"}
    assert changed["defaults"] == {"space_capacity": 50}
    assert changed["etag"] != shown["etag"]
    assert "of 900" in run("list")
    run("set", "dev")
    assert "of 900" not in run("show")
