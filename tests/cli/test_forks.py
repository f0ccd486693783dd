"""The forks that stand for commands and servers in tests do as the real command does."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest
from forks import Forked, execute, run_forked

from tests.cli.conftest import environment

PORTS = ("--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("--version", 0),
        ("spaces --help", 0),
        ("put --nothing", 2),
        ("state --target 127.0.0.1:1", 1),
        ("evaluate - --target 127.0.0.1:1", 1),
        ("check --journal memory --listen 127.0.0.1:0 --ops 127.0.0.1:0", 0),
    ],
)
def test_a_fork_says_and_returns_what_the_command_does(line, code):
    executed = execute(*line.split(), env=environment())
    output = tuple(
        each.replace("python -m mlsdm_grpc", "mlsdm") for each in executed.communicate(timeout=50)
    )
    forked = run_forked(*line.split(), env=environment())
    assert (executed.returncode, output) == (code, (forked.stdout, forked.stderr))
    assert forked.returncode == code


def test_a_fork_has_arguments_input_folder_and_environment_of_its_own(tmp_path):
    (tmp_path / "contexts.toml").write_text("[context.here]\ntarget = 'here:1'\n", "utf-8")
    env = environment(MLSDM_CONTEXTS="contexts.toml")
    assert "here:1" in run_forked("context", "list", cwd=tmp_path, env=env).stdout
    given = run_forked("import", "-", stdin="null\n", env=environment())
    assert "line 1: must be a JSON object" in given.stderr
    assert os.environ.get("MLSDM_CONTEXTS") != "contexts.toml"


def test_a_fork_is_waited_for_and_ends_by_signals():
    process = Forked("serve", *PORTS, "--journal", "memory", env=environment())
    assert process.stdout.readline().startswith("SERVING")
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.01)
    process.kill()
    assert process.wait(timeout=20) == process.poll() == -signal.SIGKILL
    process.communicate(timeout=20)
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
