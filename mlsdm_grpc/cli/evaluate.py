"""``mlsdm evaluate``: verdicts of the rules on a text."""

from typing import Annotated

import typer

from mlsdm_grpc.cli.output import echo, echo_document, message_dict
from mlsdm_grpc.cli.session import Session, with_session
from mlsdm_grpc.cli.texts import given_text
from mlsdm_grpc.cli.verdicts import finding_line, measured

__all__ = ["evaluate"]


@with_session(in_space=False)
def evaluate(
    text: Annotated[str, typer.Argument(help="Text to evaluate; - reads it from stdin.")],
    *,
    stage: Annotated[
        str,
        typer.Option(
            "--stage",
            help="Stage of the rules: prompt, recall, response, speech or memory.",
        ),
    ] = "prompt",
    redact: Annotated[
        bool,
        typer.Option(
            "--redact", help="Also print the text with personal data and secrets removed."
        ),
    ] = False,
    session: Session,
) -> None:
    """Evaluate a text by the rules of the tenant; stores nothing, and the exit code is 0."""
    content = given_text(text)
    response = session.run(lambda memory: memory.evaluate(content, stage=stage, redact=redact))
    if session.as_json:
        echo_document(message_dict(response), session.form)
        return
    from mlsdm_grpc._gen.mlsdm.v1.governance_pb2 import Decision, Enforcement

    for verdict in response.verdicts:
        decision = Decision.Name(verdict.decision).removeprefix("DECISION_")
        enforcement = Enforcement.Name(verdict.enforcement).removeprefix("ENFORCEMENT_")
        echo(f"{decision:8} {verdict.rule_id:22} {enforcement.lower():8} {measured(verdict)}")
    raw = content.encode()
    for finding in response.findings:
        echo(f"found    {finding_line(finding, raw)}")
    if redact:
        echo(response.redacted_text)
