"""The LangChain adapters against the released langchain-core and a real server."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest
from extras import NEEDS_LANGCHAIN, LazyNames

from mlsdm_grpc import errors
from mlsdm_grpc.testing import LocalServer
from tests.cli.conftest import ROOT

pytestmark = NEEDS_LANGCHAIN
names = LazyNames("langchain_core.messages", "mlsdm_grpc.integrations.langchain")


@pytest.fixture(scope="module")
def server():
    with LocalServer() as server:
        yield server


@pytest.fixture
def memory(server, request):
    with server.sync_client(space=request.node.name.replace("_", "-")[:60]) as memory:
        yield memory


def test_a_retriever_finds_documents(memory):
    stored = memory.put(
        "The invoice is due on Friday.", labels=["topic:billing"], metadata={"page": "3"}
    )
    memory.put("The heating is serviced every autumn.", labels=["topic:house"])
    retriever = names.MemoryRetriever(client=memory, top_k=1)
    (found,) = retriever.invoke("when do I have to pay?")
    assert (found.page_content, found.id) == ("The invoice is due on Friday.", stored.memory_id)
    assert found.metadata.pop("score") > 0
    assert found.metadata == {"page": "3", "labels": ["topic:billing"]}
    assert names.MemoryRetriever(client=memory, labels=["topic:none"]).invoke("pay") == []
    assert names.MemoryRetriever(client=memory, space="no-such-space").invoke("pay") == []
    (by_page,) = names.MemoryRetriever(client=memory, required_metadata={"page": "3"}).invoke(
        "autumn"
    )
    assert by_page.page_content.startswith("The invoice")


def test_both_work_from_asynchronous_chains(memory):
    async def main():
        history = names.MemoryChatHistory(memory, "c")
        await history.aadd_messages([names.HumanMessage("The invoice is due on Friday.")])
        return await history.aget_messages(), await names.MemoryRetriever(client=memory).ainvoke(
            "due"
        )

    messages, documents = asyncio.run(main())
    assert [each.text for each in messages] == ["The invoice is due on Friday."]
    assert [each.page_content for each in documents] == ["The invoice is due on Friday."]


def test_a_history_returns_every_message_as_it_was(memory):
    history = names.MemoryChatHistory(memory, "talk-1")
    other = names.MemoryChatHistory(memory, "talk-2")
    call = {"name": "look", "args": {"at": "x" * 9_000}, "id": "1", "type": "tool_call"}
    messages = [
        names.SystemMessage("Be brief."),
        names.HumanMessage("yes"),
        names.AIMessage("yes"),
        names.HumanMessage("yes"),
        names.HumanMessage([{"type": "text", "text": "see this"}, {"type": "image", "url": "a"}]),
        names.AIMessage("", tool_calls=[call]),
        names.ToolMessage("Договір " * 3_000, tool_call_id="1"),
        names.AIMessage("  \n " * 2_000, usage_metadata=None, response_metadata={"model": "m"}),
    ]
    history.add_messages(messages[:3])
    other.add_user_message("elsewhere")
    history.add_messages(messages[3:])
    assert history.messages == messages
    assert [each.text for each in other.messages] == ["elsewhere"]
    history.clear()
    assert history.messages == []
    assert len(other.messages) == 1


def test_a_history_leaves_out_a_message_with_a_lost_part(memory):
    history = names.MemoryChatHistory(memory, "talk-3")
    history.add_messages([names.HumanMessage("x" * 9_000), names.HumanMessage("whole")])
    part = next(each for each in memory.list(conversation_id="talk-3") if each.text[0] == "x")
    memory.delete(part.memory_id)
    assert [each.text for each in history.messages] == ["whole"]


def test_an_unused_history_is_empty(memory):
    history = names.MemoryChatHistory(memory, "new")
    assert history.messages == []
    history.add_messages([])
    history.clear()


def test_a_refused_message_is_an_error():
    enforcing = LocalServer(governance={"put_enforcement": "enforce"})
    with enforcing as server, server.sync_client() as memory:
        history = names.MemoryChatHistory(memory, "talk")
        with pytest.raises(errors.PreconditionFailed, match="rule refuses"):
            history.add_user_message("My key is AKIAIOSFODNN7EXAMPLE, keep it.")


def test_the_example_runs(server):
    result = subprocess.run(
        [sys.executable, str(ROOT / "clients/python/langchain_chat.py")],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        env={**os.environ, "MLSDM_TARGET": server.target, "PYTHONPATH": str(ROOT)},
    )
    assert result.returncode == 0, result.stderr
    assert "The invoice is due on Friday." in result.stdout
    assert "4 messages" in result.stdout
