"""Secrets stand in files that settings only name, and in types that show nothing of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from pydantic import BaseModel

from mlsdm_grpc.config import Settings, changed_settings
from mlsdm_grpc.llm.endpoints import KeyFile
from mlsdm_grpc.security.presented import Presented

SECRET = re.compile(r"token|secret|passw|credential|(^|_)key(s|$|_)")
NO_SECRETS = {
    "security.jwt.keys_url",  # public keys
    "llm.openai.max_tokens_field",
}


def _texts(model, path=""):
    """Yield the path and type of each setting."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _texts(kind, f"{path}{name}.")
        else:
            yield f"{path}{name}", kind


def test_no_setting_holds_a_secret():
    settings = dict(_texts(Settings))
    named = {path for path in settings if SECRET.search(path.rpartition(".")[2])}
    texts = {path for path in named if str in {settings[path], *get_args(settings[path])}}
    assert texts == NO_SECRETS
    files = {path for path in named if Path in get_args(settings[path])}
    assert {"security.tokens_file", "server.tls.key_file", "llm.openai.key_file"} <= files


def test_what_holds_a_secret_shows_nothing_of_it(tmp_path):
    file = tmp_path / "key"
    file.write_text("sk-canary")
    assert "canary" not in repr(Presented("canary", ("dns:a",)))
    assert "canary" not in repr(KeyFile(file).read())
    settings = Settings.model_validate({"llm": {"openai": {"key_file": str(file)}}})
    assert "canary" not in f"{settings!r} {changed_settings(settings)}"
