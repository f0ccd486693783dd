"""A token of the environment is for the server of the environment, never for that of a context."""

from __future__ import annotations

import pytest

from mlsdm_grpc.testing import LocalServer
from tests.cli.conftest import run_mlsdm


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """A server that requires tokens, one of its tokens, and a context that names it."""
    folder = tmp_path_factory.mktemp("context")
    keys, contexts = folder / "tokens.json", folder / "contexts.toml"
    made = run_mlsdm("token", "create", "--file", str(keys), "--name", "a", "--tenant", "t")
    with LocalServer(security={"mode": "token", "tokens_file": str(keys)}) as server:
        contexts.write_text(
            f'current = "own"\n[context.own]\ntarget = "{server.target}"\n', "utf-8"
        )
        token = folder / "token"
        token.write_text(made.stdout.split()[-1], "ascii")
        yield server, token, str(contexts)


@pytest.mark.parametrize("variable", ["MLSDM_TOKEN", "MLSDM_TOKEN_FILE"])
def test_a_token_of_the_environment_stays_here(secure, variable):
    server, token, contexts = secure
    value = str(token) if variable.endswith("FILE") else token.read_text("ascii")
    refused = run_mlsdm("whoami", MLSDM_CONTEXTS=contexts, **{variable: value})
    assert refused.returncode == 1
    assert "CREDENTIAL_MISSING" in refused.stderr
    assert f"warning: {variable} is not sent" in refused.stderr
    accepted = run_mlsdm("whoami", "--target", server.target, **{variable: value})
    assert accepted.returncode == 0, accepted.stderr
    assert "warning" not in accepted.stderr


def test_a_token_of_the_command_line_is_sent(secure):
    _, token, contexts = secure
    accepted = run_mlsdm("whoami", "--token-file", str(token), MLSDM_CONTEXTS=contexts)
    assert (accepted.returncode, accepted.stderr) == (0, "")
    machine = run_mlsdm("whoami", "-o", "json", MLSDM_CONTEXTS=contexts, MLSDM_TOKEN="x")
    assert machine.stderr.startswith("{")
