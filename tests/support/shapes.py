"""Shapes of provider answers, byte for byte, and their outcomes: the columns of a table.

The rows are in ``shapes_openai.py`` and ``shapes_anthropic.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

WHOLE, STREAMED = "whole", "streamed"
YES = "Yes, it is."
"""Text that most rows answer."""


@dataclass(frozen=True)
class Shape:
    """Answer in the form of a provider, and the outcome for a caller of Generate."""

    name: str
    """Endpoint that is known to send it, where there is one, and the peculiarity."""
    kind: str
    """Protocol: openai or anthropic."""
    mode: str
    """RPC: Generate (whole) or StreamGenerate (streamed)."""
    raw: bytes
    """Response with its head."""
    text: str = YES
    """Text for the caller; of a failed stream the text received before the fault."""
    finish: str = "stop"
    """``FinishReason`` without its prefix, in lower case; empty where the call fails."""
    usage: tuple[int, int] = (7, 4)
    """Tokens of prompt and completion."""
    reason: str = ""
    """Reason of the error; empty where there is an answer."""
    cause: str = ""
    """``cause`` or ``status`` in the metadata of the error."""
    calls: int = 1
    """Requests that the provider got; more than one says that the call was tried again."""
    remembered: bool = True
    """Prompt and answer are in the memory afterwards."""

    def __str__(self) -> str:
        return f"{self.kind}, {self.mode}, {self.name}"


class Rows:
    """Collects the rows of one protocol."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self.rows: list[Shape] = []

    def whole(self, name, mode, raw, **more):
        """The model finished: the exchange is stored."""
        self.rows.append(Shape(name, self._kind, mode, raw, **more))

    def length(self, name, mode, raw, **more):
        """The caller's token limit was reached: the exchange is stored."""
        self.rows.append(Shape(name, self._kind, mode, raw, finish="length", **more))

    def empty(self, name, mode, raw, **more):
        """The model ended without a text: nothing is stored."""
        self.rows.append(Shape(name, self._kind, mode, raw, text="", remembered=False, **more))

    def refused(self, name, mode, raw, **more):
        """The model or a filter refused: the exchange is not stored."""
        finish = "response_refused"
        self.rows.append(
            Shape(name, self._kind, mode, raw, finish=finish, remembered=False, **more)
        )

    def incomplete(self, name, mode, raw, **more):
        """No field reports the end of the answer: the exchange is not stored."""
        finish = "incomplete"
        self.rows.append(
            Shape(name, self._kind, mode, raw, finish=finish, remembered=False, **more)
        )

    def fails(self, name, mode, raw, cause, calls, *, text=""):
        """The call fails; more than one call means that it was retried."""
        self.rows.append(
            Shape(
                name,
                self._kind,
                mode,
                raw,
                text=text,
                finish="",
                reason="PROVIDER_UNAVAILABLE",
                cause=cause,
                calls=calls,
                remembered=False,
            )
        )

    def rejected(self, name, mode, raw, status, *, text=""):
        """The provider refuses the request permanently."""
        self.rows.append(
            Shape(
                name,
                self._kind,
                mode,
                raw,
                text=text,
                finish="",
                reason="PROVIDER_REJECTED",
                cause=status,
                remembered=False,
            )
        )


def head(*headers: str, kind: str = "text/event-stream") -> bytes:
    """Return the head of a response that ends with the connection."""
    lines = ["HTTP/1.1 200 OK", f"content-type: {kind}", *headers, "connection: close", "", ""]
    return "\r\n".join(lines).encode()


def chunked(*parts: bytes, closed: bool = True, kind: str = "text/event-stream") -> bytes:
    """Return a response whose parts reach the reader one by one; without ``closed`` it is cut."""
    sent = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return head("transfer-encoding: chunked", kind=kind) + sent + b"0\r\n\r\n" * closed


def cut(body: bytes, size: int) -> list[bytes]:
    """Return a body in parts of a size."""
    return [body[at : at + size] for at in range(0, len(body), size)]
