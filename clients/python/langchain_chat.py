"""LangChain with a governed memory: facts by a retriever, the conversation by a history.

Needs a server (`mlsdm serve`) and the extra `langchain`. The model here only repeats what it is
given, so that no API key is needed; put any chat model of LangChain in its place.
"""

from __future__ import annotations

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.documents import Document
from langchain_core.messages import AIMessage
from langchain_core.prompt_values import PromptValue
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.runnables.history import RunnableWithMessageHistory

from mlsdm_grpc.client import SyncMemoryClient
from mlsdm_grpc.integrations.langchain import MemoryChatHistory, MemoryRetriever

FACTS = ("The invoice is due on Friday.", "The heating is serviced every autumn.")


def repeat(prompt: PromptValue) -> AIMessage:
    """Answer with the facts of the prompt, in place of a model."""
    return AIMessage(f"I remember: {prompt.to_messages()[0].text}")


def joined(documents: list[Document]) -> str:
    return " ".join(each.page_content for each in documents)


def main() -> None:
    with SyncMemoryClient(space="langchain-example") as memory:
        for fact in FACTS:
            memory.put(fact, labels=["kind:fact"])

        retriever = MemoryRetriever(client=memory, top_k=1, labels=["kind:fact"])
        facts = RunnableLambda(lambda given: given["question"]) | retriever | joined
        prompt = ChatPromptTemplate.from_messages(
            [("system", "{facts}"), MessagesPlaceholder("history"), ("human", "{question}")]
        )

        def history(session_id: str) -> BaseChatMessageHistory:
            return MemoryChatHistory(memory, session_id)

        chat = RunnableWithMessageHistory(
            RunnablePassthrough.assign(facts=facts) | prompt | RunnableLambda(repeat),
            history,
            input_messages_key="question",
            history_messages_key="history",
        )
        session = {"configurable": {"session_id": "example"}}
        history("example").clear()
        for question in ("When do I have to pay?", "And who looks after the heating?"):
            print(chat.invoke({"question": question}, session).text)
        print(f"{len(history('example').messages)} messages in the conversation")


if __name__ == "__main__":
    main()
