"""``mlsdm policy``: the governance policy of the tenant."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlsdm_grpc.cli.options import command_group
from mlsdm_grpc.cli.output import echo, echo_all, echo_document, echo_table, message_dict
from mlsdm_grpc.cli.session import Session, with_session
from mlsdm_grpc.cli.texts import input_text, key_values
from mlsdm_grpc.errors import InvalidInput

if TYPE_CHECKING:
    from mlsdm_grpc._gen.mlsdm.v1.governance_pb2 import Policy
    from mlsdm_grpc.client import MemoryClient

__all__ = ["policy_app"]

policy_app = command_group("Show, compare and change the rules of governance.")

Changes = Annotated[
    list[str] | None,
    typer.Argument(
        help="E.g. secret.memory.enforcement=enforce, or base_moral_threshold=0.6.",
        metavar="RULE.SETTING=VALUE...",
    ),
]
PolicyFile = Annotated[
    Path | None,
    typer.Option(
        "--file",
        "-f",
        help="File with a policy in the form of `mlsdm policy show -o json`; - is stdin.",
    ),
]

_BASE = "base_moral_threshold"
_MORAL = "moral.threshold"
_NUMBERS = frozenset({"threshold"})
# Prefix of the enumeration's value names, by setting.
_PREFIXES = {
    "decision": "DECISION_",
    "enforcement": "ENFORCEMENT_",
    "on_error": "ON_ERROR_",
}


@policy_app.command()
@with_session(in_space=False)
def show(*, session: Session) -> None:
    """Print the rules with their effective settings."""
    policy = session.run(lambda memory: memory.get_policy()).policy
    shown = message_dict(policy)
    if session.form == "json":
        echo_document(shown)
        return
    if session.form == "jsonl":
        echo_all(shown["rules"], "jsonl")
        return
    base = f"{policy.base_moral_threshold:g}"
    echo(f"version {policy.policy_version or '-'}, {_BASE} {base}\n")
    rows = (
        (
            each["rule_id"],
            f"{each.get('threshold', 0):g}",
            *(_word(name, each.get(name, "-")) for name in _PREFIXES),
            each.get("expire_time", "-"),
            each.get("description", ""),
        )
        for each in shown["rules"]
    )
    headers = ("RULE", "THRESHOLD", "DECISION", "ENFORCEMENT", "ON ERROR", "EXPIRES", "DESCRIPTION")
    echo_table(headers, rows, full=False)


@policy_app.command("set")
@with_session(in_space=False)
def set_policy(
    changes: Changes = None,
    *,
    file: PolicyFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check without writing.")] = False,
    session: Session,
) -> None:
    """Change single settings, or replace the policy by that of a file; prints what changes.

    A policy of a file that was read before another change is refused by its etag.
    """
    _change_policy(session, changes, file, dry_run=dry_run, any_etag=False)


@policy_app.command()
@with_session(in_space=False)
def diff(changes: Changes = None, *, file: PolicyFile = None, session: Session) -> None:
    """Print how the policy would change; exit code 1 if it would.

    The server computes the result, so that settings which a file omits count as its defaults.
    """
    if _change_policy(session, changes, file, dry_run=True, any_etag=True):
        raise typer.Exit(1)


def _change_policy(
    session: Session,
    changes: list[str] | None,
    file: Path | None,
    *,
    dry_run: bool,
    any_etag: bool,
) -> bool:
    """Set the policy, or only check it; print the differences and return True if there are any.

    Args:
        session: Session of the command.
        changes: Changes of single settings.
        file: File with a whole policy.
        dry_run: Check the policy without writing it.
        any_etag: Ignore the etag in the file, so that a policy read before another change is valid.
    """
    if not changes and file is None:
        raise typer.BadParameter("RULE.SETTING=VALUE or --file is required")

    async def work(memory: "MemoryClient") -> "list[tuple[str, str, str]]":
        before = (await memory.get_policy()).policy
        wanted = _wanted(before, changes, file)
        etag = before.etag if any_etag else wanted.etag or before.etag
        after = await memory.set_policy(wanted, etag=etag, validate_only=dry_run)
        return _differences(before, after.policy)

    found = session.run(work)
    _print_differences(found, session)
    return bool(found)


def _wanted(before: "Policy", changes: list[str] | None, file: Path | None) -> "Policy":
    """Return the policy of the file, or else the current one, with the changes applied."""
    from google.protobuf.json_format import ParseDict, ParseError

    from mlsdm_grpc._gen.mlsdm.v1.governance_pb2 import Policy

    wanted = message_dict(before) if file is None else _read(file)
    for path, value in key_values(changes or (), "RULE.SETTING=VALUE").items():
        _change(wanted, path, value)
    try:
        return ParseDict(wanted, Policy())
    except ParseError as error:
        raise InvalidInput.of(str(file or "RULE.SETTING=VALUE"), str(error)) from None


def _change(policy: dict[str, Any], path: str, value: str) -> None:
    given = policy.setdefault("rules", [])
    rules = {str(each.get("rule_id", each.get("ruleId"))): each for each in given}
    rule_id, _, setting = path.rpartition(".")
    if path == _BASE:
        rule_id, setting = _MORAL, "threshold"
    if rule_id not in rules:
        raise InvalidInput.of(path, f"unknown rule; the rules are {', '.join(sorted(rules))}")
    if setting in _NUMBERS:
        rules[rule_id][setting] = _number(path, value)
        # The contract has this setting twice: in the rule and as a field of the policy.
        if rule_id == _MORAL:
            policy[_BASE] = rules[rule_id][setting]
    elif prefix := _PREFIXES.get(setting):
        rules[rule_id][setting] = f"{prefix}{value.upper()}"
    else:
        known = ", ".join((*sorted(_NUMBERS), *_PREFIXES))
        raise InvalidInput.of(path, f"unknown setting; the settings are {known}")


def _number(path: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise InvalidInput.of(path, "must be a number") from None


def _read(file: Path) -> dict[str, Any]:
    try:
        text = input_text() if str(file) == "-" else file.read_text("utf-8-sig")
        found = json.loads(text)
    except OSError as error:
        raise InvalidInput.of(str(file), f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidInput.of(str(file), f"is not JSON: {error}") from None
    # `mlsdm call GovernanceService/GetPolicy` prints the policy inside of a response.
    found = found.get("policy", found) if isinstance(found, dict) else found
    policy: dict[str, Any] = found if isinstance(found, dict) else {"rules": None}
    rules = policy.get("rules", [])
    if not isinstance(rules, list) or not all(isinstance(each, dict) for each in rules):
        raise InvalidInput.of(str(file), "is not a policy; see mlsdm policy show -o json")
    return policy


def _differences(before: "Policy", after: "Policy") -> list[tuple[str, str, str]]:
    """Return setting, old and new value of each difference."""
    old, new = _flat(before), _flat(after)
    return [
        (name, old.get(name, "-"), new.get(name, "-"))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def _flat(policy: "Policy") -> dict[str, str]:
    shown = message_dict(policy)
    found = {_BASE: f"{policy.base_moral_threshold:g}"}
    for rule in shown.get("rules", ()):
        for name, value in rule.items():
            if name not in {"rule_id", "description"}:
                found[f"{rule['rule_id']}.{name}"] = _word(name, value)
    return found


def _print_differences(found: list[tuple[str, str, str]], session: Session) -> None:
    if session.as_json:
        values = ({"setting": name, "old": old, "new": new} for name, old, new in found)
        echo_all(values, session.form)
    elif found:
        echo_table(("SETTING", "OLD", "NEW"), found, full=True)
    else:
        echo("no differences")


def _word(name: str, value: Any) -> str:
    """Return a value of a rule in the short form that users read and write."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text.removeprefix(_PREFIXES.get(name, "")).lower() if name in _PREFIXES else text
