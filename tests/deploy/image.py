"""Execution of a Dockerfile without a daemon: each stage in its own root, over this machine's.

As root, on a kernel with overlay file systems. The base images are taken to be this machine, so
that what is tested is what the file says, not what a registry holds.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from dockerfile_parse import DockerfileParser

NETWORK = re.compile(r"PIP_|SSL_|REQUESTS_CA|CURL_CA|(https?|no|all)_proxy$", re.IGNORECASE)
"""Variables by which this machine reaches package managers."""
HARMLESS = ("LABEL", "EXPOSE", "STOPSIGNAL", "COMMENT")


class NoMounts(Exception):
    """Error: this machine does not allow the mounts that the tests need."""


@dataclass
class Stage:
    """Result of a stage: a root folder, and the start command of a container."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = "0:0"
    volumes: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)

    def inside(self, *command, user="0:0"):
        """Return the command line that runs a command in this root."""
        return ["chroot", f"--userspec={user}", str(self.root), "env", "-i",
                *(f"{name}={value}" for name, value in self.environment.items()),
                "sh", "-c", f'cd {self.folder} && exec "$@"', "sh", *command]  # fmt: skip


class Image:
    """Carries out a Dockerfile; a context.

    Args:
        context: Folder of the build, with a Dockerfile in it.
        scratch: Where the roots lie.
    """

    def __init__(self, context: Path, scratch: Path) -> None:
        self._context, self._scratch = context, scratch
        self._stages: dict[str, Stage] = {}
        self._mounted = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.push(self)
            parsed = DockerfileParser(path=str(self._context / "Dockerfile"))
            for step in parsed.structure:
                self._carry_out(step["instruction"], step["value"])
            stack.pop_all()
        return self

    def __exit__(self, *error):
        self._mounted.close()

    @property
    def last(self) -> Stage:
        return list(self._stages.values())[-1]

    def _carry_out(self, instruction, value):
        if instruction in HARMLESS:
            return
        getattr(self, f"_{instruction.lower()}")(value)

    def _from(self, value):
        name = value.partition(" AS ")[2] or str(len(self._stages))
        place = self._scratch / name
        root = place / "root"
        for folder in ("upper", "work", "root"):
            (place / folder).mkdir(parents=True)
        layers = f"lowerdir=/,upperdir={place}/upper,workdir={place}/work"
        self._mount(root, "-t", "overlay", "overlay", "-o", layers)
        for kernel in ("proc", "dev"):
            self._mount(root / kernel, "--rbind", f"/{kernel}")
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        self._stages[name] = Stage(root, {"PATH": path, "HOME": "/"})

    def _mount(self, where, *what):
        done = subprocess.run(
            ["mount", *what, str(where)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise NoMounts(done.stderr.strip())
        self._mounted.callback(subprocess.run, ["umount", "--lazy", str(where)], check=False)

    def _workdir(self, value):
        self.last.folder = value
        (self.last.root / value.lstrip("/")).mkdir(parents=True)

    def _copy(self, value):
        words = value.split()
        source = self._context
        if words[0].startswith("--from="):
            source = self._stages[words.pop(0).removeprefix("--from=")].root
        *froms, to = words
        target = self.last.root / self.last.folder.lstrip("/") / to
        if to.startswith("/"):
            target = self.last.root / to.lstrip("/")
        for each in froms:
            found = source / each.lstrip("/")
            if found.is_dir():
                shutil.copytree(found, target, symlinks=True, dirs_exist_ok=True)
            else:
                shutil.copy(found, target)

    def _run(self, value):
        network = [f"{name}={text}" for name, text in os.environ.items() if NETWORK.match(name)]
        step = self.last.inside("env", *network, "sh", "-c", value)
        subprocess.run(step, check=True, timeout=600)

    def _env(self, value):
        for pair in value.split():
            name, _, text = pair.partition("=")
            self.last.environment[name] = text.replace("$PATH", self.last.environment["PATH"])

    def _user(self, value):
        self.last.user = value

    def _volume(self, value):
        self.last.volumes.append(value)

    def _healthcheck(self, value):
        self.last.health = json.loads(value.partition("CMD ")[2])

    def _entrypoint(self, value):
        self.last.entrypoint = json.loads(value)

    def _cmd(self, value):
        self.last.command = json.loads(value)
