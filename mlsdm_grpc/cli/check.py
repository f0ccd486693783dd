"""``mlsdm check``: checks of the settings and the machine before the server starts."""

import fcntl
import importlib.util
import os
import resource
import shutil
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from mlsdm_grpc.cli.options import (
    CLIENT_VARIABLES,
    AsJson,
    Config,
    DataDir,
    Journal,
    Listen,
    Ops,
    Output,
    Workers,
    overrides,
)
from mlsdm_grpc.cli.output import echo_all
from mlsdm_grpc.cli.session import chosen_form
from mlsdm_grpc.errors import InvalidInput

if TYPE_CHECKING:
    from mlsdm_grpc.config import Address, Settings

__all__ = ["CheckResult", "check"]

_MIN_FILES = 256
_MIN_SQLITE = (3, 38, 0)


class CheckResult(NamedTuple):
    """Result of one check."""

    name: str
    ok: bool
    detail: str
    """Result in words, with the remedy if the check failed."""


def check(
    *,
    listen: Listen = None,
    ops: Ops = None,
    data_dir: DataDir = None,
    journal: Journal = None,
    workers: Workers = None,
    config: Config = None,
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Check settings and machine without starting a server.

    Exit code 0 if all checks pass, else 1.
    """
    flags = overrides(listen=listen, ops=ops, data_dir=data_dir, journal=journal, workers=workers)
    form = chosen_form(output, as_json=as_json)
    findings = []
    for finding in _findings(config, flags):
        findings.append(finding)
        if form == "table":
            typer.echo(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.name}: {finding.detail}")
    if form != "table":
        echo_all((each._asdict() for each in findings), form)
    if not all(each.ok for each in findings):
        raise typer.Exit(1)


def _findings(config: Path | None, flags: dict[str, dict[str, object]]) -> Iterator[CheckResult]:
    from mlsdm_grpc.config import load_settings, unknown_environment

    try:
        settings = load_settings(config, flags)
    except InvalidInput as error:
        for violation in error.violations:
            yield CheckResult(f"setting {violation.field}", ok=False, detail=violation.description)
        return
    unknown = [name for name in unknown_environment(os.environ) if name not in CLIENT_VARIABLES]
    ignored = f"; no setting uses {', '.join(unknown)}" if unknown else ""
    yield CheckResult("settings", ok=True, detail=f"valid{ignored}")
    checks: tuple[Callable[[Settings], CheckResult | None], ...] = (
        _protobuf,
        _event_loop,
        _files,
        _memory,
        _data_port,
        _ops_port,
        _tls,
        _policy,
        _tokens,
        _embedder,
        _models,
        _moderation,
        _data_dir,
        rules_of_new_spaces,
        _room,
        _sqlite,
    )
    for each in checks:
        if (finding := each(settings)) is not None:
            yield finding
    yield from _weaknesses(settings)


def _protobuf(_: "Settings") -> CheckResult:
    from google.protobuf.internal import api_implementation

    kind = api_implementation.Type()
    hint = (
        ""
        if kind == "upb"
        else ": much slower than upb; install a protobuf wheel for this platform"
    )
    return CheckResult("protobuf", kind == "upb", f"implementation {kind}{hint}")


def _event_loop(_: "Settings") -> CheckResult:
    found = importlib.util.find_spec("uvloop") is not None
    return CheckResult(
        "event loop",
        ok=True,
        detail="uvloop" if found else "asyncio; install uvloop, which is faster",
    )


def _files(settings: "Settings") -> CheckResult:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    connections = min(settings.server.max_connections, int(limit * 0.4))
    if limit < _MIN_FILES:
        return CheckResult(
            "open files", ok=False, detail=f"limit {limit}; raise it: ulimit -n 4096"
        )
    return CheckResult("open files", ok=True, detail=f"limit {limit}, so {connections} connections")


def _memory(settings: "Settings") -> CheckResult:
    from mlsdm_grpc.server.memory_plan import check_memory

    try:
        return CheckResult("memory", ok=True, detail=check_memory(settings))
    except InvalidInput as error:
        return CheckResult("memory", ok=False, detail=error.violations[0].description)


def _data_port(settings: "Settings") -> CheckResult:
    return _port("data port", "server.listen", settings.server.listen_address)


def _ops_port(settings: "Settings") -> CheckResult:
    return _port("operations port", "server.ops", settings.server.ops_address)


def _port(name: str, setting: str, address: "Address") -> CheckResult:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            # The server sets this option too: it can bind a port that was closed a moment ago.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        detail = f"{address} cannot be opened ({error.strerror}); change {setting}"
        return CheckResult(name, ok=False, detail=detail)
    return CheckResult(name, ok=True, detail=f"{address} is free")


def _tls(settings: "Settings") -> CheckResult | None:
    from mlsdm_grpc.security.tls_files import tls_files

    try:
        if tls_files(settings.server.tls) is None:
            return None
    except InvalidInput as error:
        return CheckResult("TLS", ok=False, detail=_faults(error))
    file = settings.server.tls.certificate_file
    return CheckResult("TLS", ok=True, detail=f"{file} and its key are valid")


def _policy(settings: "Settings") -> CheckResult | None:
    from mlsdm_grpc.security.policy_file import PolicyFile

    file = settings.security.policy_file
    if file is None:
        return None
    try:
        PolicyFile(file)
    except InvalidInput as error:
        return CheckResult("policy file", ok=False, detail=f"{file}: {_faults(error)}")
    return CheckResult("policy file", ok=True, detail=f"{file} is valid")


def _weaknesses(settings: "Settings") -> Iterator[CheckResult]:
    from mlsdm_grpc.security.weaknesses import weaknesses

    for each in weaknesses(settings):
        yield CheckResult(f"weakness {each.setting}", ok=False, detail=each.text)


def _faults(error: InvalidInput) -> str:
    return "; ".join(f"{each.field} {each.description}" for each in error.violations)


def _tokens(settings: "Settings") -> CheckResult | None:
    from mlsdm_grpc.security.policy_file import PolicyFile
    from mlsdm_grpc.security.static_keys import read_keys

    file = settings.security.tokens_file
    if file is None:
        return None
    try:
        read_keys(file, PolicyFile(settings.security.policy_file).roles)
    except InvalidInput as error:
        return CheckResult("tokens file", ok=False, detail=f"{file}: {_faults(error)}")
    return CheckResult("tokens file", ok=True, detail=f"{file} is valid")


def _embedder(settings: "Settings") -> CheckResult:
    name = settings.space.embedder
    if name == "none":
        return CheckResult("embedder", ok=True, detail="none: callers must send embeddings")
    if name == "openai":
        return _remote_embedder(settings)
    from mlsdm_grpc.llm.embedders import load_embedder
    from mlsdm_grpc.llm.providers.provider_chain import embedder_problems

    faults = [each.description for each in embedder_problems(name, settings.embedder)]
    if faults:
        return CheckResult("embedder", ok=False, detail=f"{name}: {'; '.join(faults)}")
    try:
        embedder = load_embedder(name)
    except (LookupError, ImportError, OSError) as error:
        detail = f"{name} does not load ({error}); reinstall it, or set space.embedder to none"
        return CheckResult("embedder", ok=False, detail=detail)
    return CheckResult("embedder", ok=True, detail=f"{name}, {embedder.dimension} dimensions")


def _remote_embedder(settings: "Settings") -> CheckResult:
    from mlsdm_grpc.llm.providers.provider_chain import embedder_problems

    remote = settings.embedder
    faults = [f"{each.field}: {each.description}" for each in embedder_problems("openai", remote)]
    found = f"{remote.model} at {remote.base_url}, {remote.dimension} dimensions"
    return CheckResult("embedder", ok=not faults, detail="; ".join(faults) or found)


def _models(settings: "Settings") -> CheckResult:
    from mlsdm_grpc.llm.providers.provider_chain import provider_problems

    faults = [f"{each.field}: {each.description}" for each in provider_problems(settings.llm)]
    detail = "; ".join(faults) or ", then ".join(settings.llm.providers)
    return CheckResult("language models", ok=not faults, detail=detail)


def _moderation(settings: "Settings") -> CheckResult | None:
    from mlsdm_grpc.config import ScorerKind
    from mlsdm_grpc.llm.moderation import moderation_problems

    if settings.governance.scorer is not ScorerKind.MODERATION:
        return None
    endpoint = settings.governance.moderation
    faults = [f"{each.field}: {each.description}" for each in moderation_problems(endpoint)]
    found = f"{endpoint.model} at {endpoint.base_url}"
    return CheckResult("moderation", ok=not faults, detail="; ".join(faults) or found)


def _data_dir(settings: "Settings") -> CheckResult | None:
    from mlsdm_grpc.config import JournalKind

    if settings.journal.kind is not JournalKind.SQLITE:
        return None
    folder = settings.journal.data_dir.absolute()
    nearest = _nearest(folder)
    try:
        with tempfile.TemporaryFile(dir=nearest) as probe:
            probe.write(b"x")
    except OSError as error:
        detail = f"{folder} cannot be written ({error.strerror}); change journal.data_dir"
        return CheckResult("data folder", ok=False, detail=detail)
    if _owned(folder):
        detail = f"{folder} is in use by another server; stop it, or change journal.data_dir"
        return CheckResult("data folder", ok=False, detail=detail)
    there = "is writable" if nearest == folder else "will be created"
    return CheckResult("data folder", ok=True, detail=f"{folder} {there}")


def rules_of_new_spaces(settings: "Settings") -> CheckResult | None:
    """Return the version of the rules for new spaces; None while a server holds the data folder."""
    from mlsdm_grpc.config import JournalKind
    from mlsdm_grpc.core.model import semantics
    from mlsdm_grpc.errors import PreconditionFailed
    from mlsdm_grpc.journal.sqlite.opening import foreseen_version

    version, folder = semantics.newest(), settings.journal.data_dir.absolute()
    if settings.journal.kind is JournalKind.SQLITE:
        try:
            if _owned(folder):
                return None
            version = foreseen_version(folder)
        except PreconditionFailed as error:
            return CheckResult("rules", ok=False, detail=error.message)
        except (OSError, sqlite3.Error) as error:
            return CheckResult(
                "rules", ok=True, detail=f"unknown until the server starts ({error})"
            )
    if version == semantics.newest() or settings.space.upgrade_semantics:
        detail = f"new spaces use semantics version {semantics.newest()}, draft {semantics.DRAFT}"
    else:
        detail = f"new spaces use semantics version {version}; space.upgrade_semantics is off"
    return CheckResult("rules", ok=True, detail=detail)


def _room(settings: "Settings") -> CheckResult | None:
    from mlsdm_grpc.config import JournalKind
    from mlsdm_grpc.units import MIB

    reserve_bytes = settings.pressure.disk_reserve_bytes
    if settings.journal.kind is not JournalKind.SQLITE or not reserve_bytes:
        return None
    free_bytes = shutil.disk_usage(_nearest(settings.journal.data_dir.absolute())).free
    detail = f"{free_bytes // MIB} MiB free, {reserve_bytes // MIB} MiB needed"
    well = free_bytes * settings.pressure.release_at > reserve_bytes
    if not well:
        detail += (
            "; the server would refuse writes: free space, or lower pressure.disk_reserve_bytes"
        )
    return CheckResult("room on disk", well, detail)


def _owned(folder: Path) -> bool:
    """Return True if another process holds the lock of a data folder."""
    try:
        with (folder / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # the lock file does not exist or cannot be locked
        pass
    return False


def _nearest(folder: Path) -> Path:
    return next((each for each in (folder, *folder.parents) if each.exists()), Path("/"))


def _sqlite(settings: "Settings") -> CheckResult | None:
    from mlsdm_grpc.config import JournalKind

    if settings.journal.kind is not JournalKind.SQLITE:
        return None
    if sqlite3.sqlite_version_info < _MIN_SQLITE:
        wanted = ".".join(map(str, _MIN_SQLITE))
        detail = f"{sqlite3.sqlite_version} is too old; a Python with SQLite {wanted} is needed"
        return CheckResult("sqlite", ok=False, detail=detail)
    nearest = _nearest(settings.journal.data_dir.absolute())
    try:
        with tempfile.TemporaryDirectory(dir=nearest, prefix=".mlsdm-check-") as folder:
            database = sqlite3.connect(Path(folder) / "probe.db")
            try:
                (mode,) = database.execute("PRAGMA journal_mode=WAL").fetchone()
                database.execute("CREATE TABLE probe (id INTEGER)")
            finally:
                database.close()
    except (OSError, sqlite3.Error) as error:
        return CheckResult("sqlite", ok=False, detail=f"cannot write in {nearest}: {error}")
    if mode != "wal":
        detail = f"no write-ahead log in {nearest}: use a local file system for journal.data_dir"
        return CheckResult("sqlite", ok=False, detail=detail)
    python = ".".join(map(str, sys.version_info[:3]))
    return CheckResult(
        "sqlite", ok=True, detail=f"{sqlite3.sqlite_version} (Python {python}), with WAL"
    )
