"""A worker process: holds minds, or embeds text; knows neither grpc nor the event loop.

``python -m mlsdm_grpc.engine.worker minds|text FD PAGE [EMBEDDER]`` speaks the link protocol on the
inherited socket ``FD`` until the other end closes, and says on the shared ``PAGE`` what it is
doing. Whatever waits is handled together: queries of one space share one scan, texts share one
pass of the model.
"""

from __future__ import annotations

import gc
import os
import select
import socket
import sys
from collections.abc import Sequence

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.engine.link import FrameReader, Handler, encode_frame, handle_some
from mlsdm_grpc.engine.minds import MindHandler
from mlsdm_grpc.engine.position import Position

__all__ = ["TextHandler", "main", "make_handler", "serve"]

_READ_BYTES = 1_024 * 1_024
_MAX_TEXTS_A_PASS = 256


class TextHandler:
    """Embeds the texts of all waiting requests together."""

    def __init__(self, embedder: str, position: Position) -> None:
        from mlsdm_grpc.llm.embedders import load_embedder

        self._position = position
        self._embedder = load_embedder(embedder)

    @property
    def busy(self) -> bool:
        """Whether anything is left; everything is embedded at once."""
        return False

    def step(self) -> list[pb.LinkReply]:
        """Return nothing."""
        return []

    def handle(self, requests: Sequence[pb.LinkRequest]) -> list[pb.LinkReply]:
        """Return the embeddings that each request asked for."""
        texts = [text for request in requests for text in request.embed.texts]
        width = self._embedder.dimension * 4
        rows = bytearray()
        for start in range(0, len(texts), _MAX_TEXTS_A_PASS):
            self._position.enter()
            some = self._embedder.embed(texts[start : start + _MAX_TEXTS_A_PASS])
            rows += some.astype("<f4", copy=False).tobytes()
        replies = []
        start = 0
        for request in requests:
            end = start + len(request.embed.texts) * width
            reply = pb.LinkReply(call_id=request.call_id)
            reply.embed.rows_f32_le = bytes(rows[start:end])
            replies.append(reply)
            start = end
        replies[0].embed.batch_count = len(texts)
        return replies


def make_handler(role: str, embedder: str, position: Position) -> Handler:
    """Return what a worker of this role does: ``minds`` or ``text``."""
    return MindHandler(position) if role == "minds" else TextHandler(embedder, position)


def serve(sock: socket.socket, handler: Handler) -> None:
    """Answer requests until the peer closes; replies that the peer does not read yet are kept."""
    sock.setblocking(False)
    reader = FrameReader()
    outgoing = bytearray(encode_frame(pb.LinkReply(done=pb.DoneReply())))
    poller = select.poll()
    poller.register(sock, select.POLLIN | select.POLLOUT)
    while True:
        poller.modify(sock, select.POLLIN | (select.POLLOUT if outgoing else 0))
        poller.poll(0 if handler.busy else None)
        frames: list[bytes] = []
        if not _receive(sock, reader, frames):
            return
        for reply in handle_some(handler, [pb.LinkRequest.FromString(f) for f in frames]):
            outgoing += encode_frame(reply)
        if outgoing and not _send(sock, outgoing):
            return


def _receive(sock: socket.socket, reader: FrameReader, frames: list[bytes]) -> bool:
    """Read all that waits; False when the peer is gone."""
    while True:
        try:
            data = sock.recv(_READ_BYTES)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        if not data:
            return False
        frames.extend(reader.feed(data))


def _send(sock: socket.socket, outgoing: bytearray) -> bool:
    try:
        sent = sock.send(outgoing)
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    del outgoing[:sent]
    return True


def main(arguments: Sequence[str]) -> int:
    """Run a worker; the parent started it with its role and socket."""
    role, descriptor, page, *rest = arguments
    position = Position(int(page))
    with socket.socket(fileno=int(descriptor)) as sock:
        handler = make_handler(role, rest[0] if rest else "", position)
        gc.collect()
        gc.freeze()  # what is loaded stays, and would be gone through in the middle of a slice
        serve(sock, handler)
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
