"""The image: linted, built by its own steps, and run as its users run it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.deploy.image import Image, NoMounts

ROOT = Path(__file__).parents[2]
TOKEN = "t" * 32
TOKENS = f"""
[[token]]
name = "test"
tenant = "acme"
sha256 = "{hashlib.sha256(TOKEN.encode()).hexdigest()}"
"""
READY_S = 5 * 10


@pytest.mark.tools
def test_the_dockerfile_is_lint_free():
    found = subprocess.run(
        [Path(sys.executable).parent / "hadolint", "--no-color", "Dockerfile"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (found.returncode, found.stdout) == (0, "")


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """Image of the committed files and of those to commit."""
    folder = tmp_path_factory.mktemp("image")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / "context" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "context" / name).write_bytes((ROOT / name).read_bytes())
    with contextlib.ExitStack() as opened:
        try:
            built = opened.enter_context(Image(folder / "context", folder / "stages"))
        except NoMounts as error:
            pytest.skip(f"no overlay file systems here: {error}")
        yield built


@pytest.mark.tools
@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts the roots of the image's stages")
@pytest.mark.timeout(600)
def test_the_image_serves_without_root_on_a_root_that_is_read_only(image, tmp_path):
    stage = image.last
    tokens = stage.root / "etc/mlsdm/tokens.toml"
    tokens.parent.mkdir()
    tokens.write_text(TOKENS)
    (stage.root / "client").write_text(TOKEN)
    assert stage.user.split(":")[0] != "0"
    (data,) = stage.volumes
    inside = stage.root / data.lstrip("/")
    assert (inside.stat().st_mode & 0o777, inside.stat().st_uid) == (0o700, 10_001)
    volume = tmp_path / "volume"
    volume.mkdir(mode=0o700)
    os.chown(volume, 10_001, 10_001)
    subprocess.run(["mount", "--bind", str(volume), str(inside)], check=True)
    subprocess.run(["mount", "-o", "remount,ro", str(stage.root)], check=True)
    stage.environment["MLSDM_SERVER__DRAIN_DELAY_S"] = "0"
    server = subprocess.Popen(
        stage.inside(*stage.entrypoint, *stage.command, user=stage.user),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        greeting = server.stdout.readline()
        assert "SERVING listen=0.0.0.0:50051" in greeting, server.communicate(timeout=60)[1]

        def run(*command):
            return subprocess.run(
                stage.inside(*command, user=stage.user),
                capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip

        until = time.monotonic() + READY_S
        while run(*stage.health).returncode:
            assert time.monotonic() < until
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        checked = run(*stage.health)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert (checked.returncode, checked.stdout) == (0, "SERVING\n")
        spent_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        assert spent_s < 5 * 0.1
        stored = run("mlsdm", "put", "The cat sleeps.", "--token-file", "/client")
        assert stored.returncode == 0, stored.stderr
        anyone = run("mlsdm", "put", "The cat sleeps.")
        assert "UNAUTHENTICATED" in anyone.stderr
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0
    finally:
        server.kill()
        server.communicate()
        subprocess.run(["umount", str(inside)], check=False)
    modes = {path.name: path.stat().st_mode & 0o777 for path in volume.rglob("*")}
    assert modes
    assert set(modes.values()) <= {0o600, 0o700}, modes
