"""Answers questions about Harmony with whatever `openai_harmony` is imported: one JSON object per line, in
and out.

openai-harmony and oss-harmony share the import name, so each runs in a process of its own; see
`harmony_peers`.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def system_content(peer: Any, given: dict[str, Any]) -> Any:
    content = peer.SystemContent.new().with_reasoning_effort(
        peer.ReasoningEffort(given["effort"].capitalize())
    )
    if given.get("current_date"):
        content = content.with_conversation_start_date(given["current_date"])
    for tool in given.get("tools", ()):
        content = content.with_browser_tool() if tool == "browser" else content.with_python_tool()
    return content


def developer_content(peer: Any, given: dict[str, Any]) -> Any:
    content = peer.DeveloperContent.new()
    if given.get("instructions") is not None:
        content = content.with_instructions(given["instructions"])
    if given.get("tools"):
        tools = [
            peer.ToolDescription.new(tool["name"], tool["description"], parameters=tool.get("parameters"))
            for tool in given["tools"]
        ]
        content = content.with_function_tools(tools)
    return content


def message_of(peer: Any, given: dict[str, Any]) -> Any:
    author = peer.Author(role=peer.Role(given["role"]), name=given.get("name"))
    content = given["content"]
    if given["role"] == "system":
        content = system_content(peer, content)
    elif given["role"] == "developer":
        content = developer_content(peer, content)
    message = peer.Message.from_author_and_content(author, content)
    for field in ("channel", "recipient", "content_type"):
        if given.get(field) is not None:
            message = getattr(message, f"with_{field}")(given[field])
    return message


def render(peer: Any, encoding: Any, asked: dict[str, Any]) -> list[int]:
    conversation = peer.Conversation.from_messages([message_of(peer, one) for one in asked["messages"]])
    config = peer.RenderConversationConfig(auto_drop_analysis=asked.get("drop", False))
    if asked["purpose"] == "completion":
        return encoding.render_conversation_for_completion(conversation, peer.Role.ASSISTANT, config=config)
    if asked["purpose"] == "training":
        return encoding.render_conversation_for_training(conversation, config=config)
    return encoding.render_conversation(conversation, config=config)


def parse(peer: Any, encoding: Any, asked: dict[str, Any]) -> list[dict[str, Any]]:
    role = peer.Role(asked["role"]) if asked.get("role") else None
    messages = encoding.parse_messages_from_completion_tokens(asked["ids"], role)
    return [
        {
            "role": message.author.role.value,
            "name": message.author.name,
            "channel": message.channel,
            "recipient": message.recipient,
            "content_type": message.content_type,
            "content": "".join(part.text for part in message.content),
        }
        for message in messages
    ]


def template(asked: dict[str, Any]) -> str:
    from importlib.util import find_spec
    from pathlib import Path

    from jinja2.sandbox import ImmutableSandboxedEnvironment

    found = find_spec("trl")
    assert found is not None
    assert found.submodule_search_locations is not None
    text = (Path(found.submodule_search_locations[0]) / "chat_templates" / "gptoss.jinja").read_text()
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    environment.globals["strftime_now"] = lambda _: asked["date"]
    return environment.from_string(text).render(**asked["arguments"])


def main() -> None:
    peer: Any = None
    encoding: Any = None
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            if asked["question"] == "template":
                answer: object = template(asked)
            else:
                if encoding is None:
                    import openai_harmony as peer

                    encoding = peer.load_harmony_encoding(peer.HarmonyEncodingName.HARMONY_GPT_OSS)
                answer = {"render": render, "parse": parse}[asked["question"]](peer, encoding, asked)
            reply = {"answer": answer}
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
