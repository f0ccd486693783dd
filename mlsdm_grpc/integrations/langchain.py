"""LangChain: a retriever and a chat message history over the synchronous client.

LangChain's asynchronous methods run the synchronous ones in its executor, so that both work with
one client.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Final

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.documents import Document
from langchain_core.messages import BaseMessage, message_to_dict, messages_from_dict
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field

from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import PUT_RESULT_REFUSED, Memory
from mlsdm_grpc.client.messages import new_memory
from mlsdm_grpc.client.sync_client import SyncMemoryClient
from mlsdm_grpc.errors import NotFound, PreconditionFailed
from mlsdm_grpc.messages.blank import is_blank

__all__ = ["MemoryChatHistory", "MemoryRetriever"]

# Less than the limits for metadata (4,096 bytes) and texts. JSON here is ASCII, so that a slice of
# the text is never longer in UTF-8 than its slice of the JSON.
_SLICE_CHARS: Final = 3_500
_WITHOUT_TEXT: Final = "(no text)"


class MemoryRetriever(BaseRetriever):
    """Retriever of memories; a space that does not exist yet holds none.

    A document has the text and the id of a memory, its metadata, and the keys ``score`` and
    ``labels``.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    client: SyncMemoryClient
    """Open client; its space is searched unless ``space`` names one."""
    top_k: int = Field(default=5, ge=1)
    """Maximum number of documents."""
    labels: Sequence[str] = ()
    """Required labels."""
    required_metadata: dict[str, str] | None = None
    """Required entries of the metadata."""
    min_score: float | None = None
    """Minimum score of a document."""
    space: str | None = None
    """Space to search."""

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        del run_manager
        try:
            found = self.client.query(
                query,
                top_k=self.top_k,
                labels=self.labels,
                metadata=self.required_metadata,
                min_score=self.min_score,
                space=self.space,
            )
        except NotFound:
            return []
        return [
            Document(
                page_content=each.text,
                id=each.memory_id,
                metadata={**each.metadata, "score": each.score, "labels": list(each.labels)},
            )
            for each in found
        ]


class MemoryChatHistory(BaseChatMessageHistory):
    """Messages of one conversation, as memories that every query of the space can find.

    Args:
        client: Open client.
        session_id: Conversation, `[A-Za-z0-9._-]{1,64}`.
        space: Space of the memories; None uses the client's.
    """

    def __init__(
        self, client: SyncMemoryClient, session_id: str, *, space: str | None = None
    ) -> None:
        self._client = client
        self._session_id = session_id
        self._space = space

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override] # a property, as documented
        """Complete messages of the conversation, oldest first."""
        parts: dict[tuple[str, str], list[str]] = {}
        for each in self._memories():
            if "message" in each.metadata:
                key = each.metadata["message"], each.metadata["parts"]
                parts.setdefault(key, []).append(each.metadata["json"])
        # A full space evicts the parts of a long message one by one.
        whole = ["".join(found) for (_, count), found in parts.items() if len(found) == int(count)]
        return messages_from_dict([json.loads(each) for each in whole])

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Store messages.

        Raises:
            PreconditionFailed: A rule refuses a text; the others are stored.
        """
        memories = [part for each in messages for part in self._parts(each)]
        if not memories:
            return
        for response in self._client.put_many(memories, space=self._space):
            if PUT_RESULT_REFUSED in response.results:
                raise PreconditionFailed("A rule refuses a message; it is not stored.", reason="")

    def clear(self) -> None:
        """Delete the messages of the conversation."""
        for each in list(self._memories()):
            self._client.delete(each.memory_id, space=self._space)

    def _memories(self) -> Iterator[Memory]:
        try:
            yield from self._client.list(conversation_id=self._session_id, space=self._space)
        except NotFound:
            return

    def _parts(self, message: BaseMessage) -> Iterator[Memory]:
        """Yield the memories of a message; their metadata holds it whole, their texts are found."""
        described: Any = json.dumps(message_to_dict(message))
        text, name = str(message.text), uuid.uuid4().hex
        count = -(-len(described) // _SLICE_CHARS)
        for part in range(count):
            begin, end = part * len(text) // count, (part + 1) * len(text) // count
            passage = text[begin:end]
            yield new_memory(
                _WITHOUT_TEXT if is_blank(passage) else passage,
                # An id of its own keeps the same words apart if they are said twice.
                memory_id=f"{name}-{part}",
                conversation_id=self._session_id,
                metadata={
                    "message": name,
                    "parts": str(count),
                    "json": described[part * _SLICE_CHARS : (part + 1) * _SLICE_CHARS],
                    "role": message.type,
                },
            )
