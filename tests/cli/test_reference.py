from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest
import typer.testing
from pydantic import BaseModel

from mlsdm_grpc.cli.app import app
from mlsdm_grpc.cli.options import Journal
from mlsdm_grpc.cli.reference import markdown, toml
from mlsdm_grpc.config import JournalKind, Settings, load_settings

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_models_say():
    assert (ROOT / "docs/configuration.md").read_text("utf-8") == markdown()


def test_the_sample_is_what_the_models_say():
    assert (ROOT / "deploy/config.toml").read_text("utf-8") == toml()


ENDPOINTS = ("llm.openai", "llm.anthropic", "embedder", "governance.moderation")


def names(tables: dict, prefix: str = ""):
    """Yield the paths of all settings in parsed TOML."""
    for name, value in tables.items():
        if isinstance(value, dict):
            yield from names(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def names_of(model: type[BaseModel], prefix: str = ""):
    """Yield the paths of all settings of a model."""
    for name, info in model.model_fields.items():
        inner = info.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from names_of(inner, f"{prefix}{name}.")
        else:
            yield prefix + name


def settings_of(text: str) -> str:
    """Return the sample with every setting that has a default switched on."""
    return re.sub(r"^# (\w+ = )(?! #)", r"\1", text, flags=re.MULTILINE)


def test_the_sample_holds_every_setting_with_its_default(tmp_path, monkeypatch):
    for name in ("WORKERS", "TEXT_WORKERS"):
        monkeypatch.delenv(f"MLSDM_ENGINE__{name}", raising=False)
    sample = settings_of(toml())
    file = tmp_path / "config.toml"
    file.write_text(sample, "utf-8")
    assert load_settings(file).model_dump() == load_settings().model_dump()
    named = set(names(tomllib.loads(sample)))
    everything = set(names_of(Settings))
    endpoints = {f"{each}.{file}" for each in ENDPOINTS for file in ("key_file", "ca_file")}
    others = {
        "engine.workers",
        "limits.enabled",
        "security.event_log",
        "security.policy_file",
        "security.tokens_file",
        "server.tls.certificate_file",
        "server.tls.client_ca_file",
        "server.tls.key_file",
    }
    assert everything - named == others | endpoints
    for setting in everything:
        assert f"# {setting.rpartition('.')[2]} = " in toml()
        assert f"| `{setting.rpartition('.')[2]}` |" in markdown()


@pytest.mark.parametrize("form", ["markdown", "toml"])
def test_the_command_prints_it(form):
    result = typer.testing.CliRunner().invoke(app, ["config-reference", "--format", form])
    assert result.exit_code == 0
    assert result.stdout == (markdown() if form == "markdown" else toml())


def test_the_flag_knows_every_journal():
    (choices, *_), *_ = (get_args(each) for each in get_args(Journal)[:1])
    assert set(get_args(choices)) == {kind.value for kind in JournalKind}
