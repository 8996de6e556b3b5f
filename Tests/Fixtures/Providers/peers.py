"""The providers' own clients against server.py: whoever they understand speaks as the providers do.

    SSL_CERT_FILE=authority.pem peers.py BASE
"""
import json
import sys

import anthropic
import openai

BASE, KEY = sys.argv[1], "sk-a-key-of-the-tests-0123456789"
WORDS = "Hello, wörld 🙂"
TOOL = {"type": "function", "function": {"name": "calc__evaluate", "description": "d", "parameters": {"type": "object", "properties": {}}}}
CALLS = [{"expression": "1 + 1", "note": "q\"é\n"}, {"expression": "2"}]
ASK = [{"role": "user", "content": "hello"}]

for base in ["/v1", "/kimi/v1", "/api/paas/v4"]:
    client = openai.OpenAI(base_url=BASE + base, api_key=KEY, max_retries=0)
    whole = client.chat.completions.create(model="m", messages=ASK)
    assert whole.choices[0].message.content == WORDS and whole.usage.completion_tokens == 7, whole
    options = {} if "paas" in base else {"stream_options": {"include_usage": True}}
    text, counts = "", None
    for chunk in client.chat.completions.create(model="m", messages=ASK, stream=True, **options):
        text += "".join(choice.delta.content or "" for choice in chunk.choices)
        counts = chunk.usage or counts
    # Kimi's counts stand where the client does not look.
    assert text == WORDS and (counts is None if "kimi" in base else counts.prompt_tokens == 11), (base, text, counts)
    calls = {}
    for chunk in client.chat.completions.create(model="m", messages=ASK, tools=[TOOL], stream=True):
        for choice in chunk.choices:
            for call in choice.delta.tool_calls or []:
                calls[call.index] = calls.get(call.index, "") + (call.function.arguments or "")
    assert [json.loads(calls[at]) for at in sorted(calls)] == CALLS, calls
    assert [item.embedding for item in sorted(client.embeddings.create(model="e", input=["a", "b"]).data, key=lambda item: item.index)] == [
        [0.0, 0.5, -1.0], [1.0, 0.5, -1.0]]
    for model, kind in [("status-429-7", openai.RateLimitError), ("status-500", openai.InternalServerError), ("status-400-overflow", openai.BadRequestError)]:
        try:
            client.chat.completions.create(model=model, messages=ASK)
            raise SystemExit(f"{model} was no error")
        except kind as error:
            assert not model.endswith("-7") or error.response.headers["retry-after"] == "7"
try:
    openai.OpenAI(base_url=BASE + "/v1", api_key="sk-wrong", max_retries=0).chat.completions.create(model="m", messages=ASK)
    raise SystemExit("a wrong key was taken")
except openai.AuthenticationError:
    pass

claude = anthropic.Anthropic(base_url=BASE, api_key=KEY, max_retries=0)
whole = claude.messages.create(model="m", max_tokens=9, messages=ASK)
assert whole.content[0].text == WORDS and whole.stop_reason == "end_turn" and whole.usage.output_tokens == 7, whole
with claude.messages.stream(model="m", max_tokens=9, messages=ASK) as stream:
    assert "".join(stream.text_stream) == WORDS
    assert stream.get_final_message().usage.output_tokens == 7
tool = {"name": "calc__evaluate", "description": "d", "input_schema": {"type": "object", "properties": {}}}
with claude.messages.stream(model="m", max_tokens=9, messages=ASK, tools=[tool]) as stream:
    final = stream.get_final_message()
assert [block.input for block in final.content] == CALLS and final.stop_reason == "tool_use", final
for model, kind in [("status-429-7", anthropic.RateLimitError), ("status-529", anthropic.InternalServerError), ("status-400-overflow", anthropic.BadRequestError)]:
    try:
        claude.messages.create(model=model, max_tokens=9, messages=ASK)
        raise SystemExit(f"{model} was no error")
    except kind:
        pass
print(f"openai {openai.__version__}, anthropic {anthropic.__version__}")
