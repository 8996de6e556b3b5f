"""OpenAI's own client against a server of ours whose plugin `openai` is enabled: client.py URL KEY. Says `well` when everything was understood."""
import math
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1] + "/openai/v1", api_key=sys.argv[2], max_retries=0)
assert {"default", "extractive"} <= {model.id for model in client.models.list()}
history = [{"role": "user", "content": "The cat is called Tom."}, {"role": "user", "content": "What is the cat called?"}]
answer = client.chat.completions.create(model="extractive", messages=history, temperature=0.3, max_tokens=100, user="somebody")
assert answer.choices[0].message.content == "The cat is called Tom. [1]", answer
assert answer.choices[0].finish_reason == "stop" and answer.usage.total_tokens > 0
chunks = list(client.chat.completions.create(model="default", messages=history, stream=True, stream_options={"include_usage": True}))
assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "The cat is called Tom. [1]", chunks
assert chunks[-1].usage.total_tokens > 0
weather = {"type": "function", "function": {"name": "weather", "description": "Tells the weather.", "parameters": {
    "type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}}}
asked = [{"role": "user", "content": "/weather Berlin"}]
first = client.chat.completions.create(model="extractive", messages=asked, tools=[weather]).choices[0]
assert first.finish_reason == "tool_calls" and first.message.tool_calls[0].function.arguments == '{"place":"Berlin"}', first
asked += [first.message, {"role": "tool", "tool_call_id": first.message.tool_calls[0].id, "content": "sunny"}]
assert client.chat.completions.create(model="extractive", messages=asked, tools=[weather]).choices[0].message.content == "weather: sunny"
with client.chat.completions.stream(model="extractive", messages=asked[:1], tools=[weather]) as stream:
    final = stream.get_final_completion()
assert final.choices[0].message.tool_calls[0].function.name == "weather", final
assert "openai/*" in {model.id for model in client.models.list()}
# The client asks for base64 by itself; the numbers are the same as text.
for form in [{}, {"encoding_format": "float"}, {"encoding_format": "base64"}]:
    found = client.embeddings.create(model="openai/e", input=["first", "second", "third"], **form)
    vectors = [item.embedding for item in found.data]
    if isinstance(vectors[0], str):
        import base64, struct
        vectors = [list(struct.unpack("<3f", base64.b64decode(vector))) for vector in vectors]
    assert vectors == [[0, 0.5, -1], [1, 0.5, -1], [2, 0.5, -1]] and [item.index for item in found.data] == [0, 1, 2], found
    assert found.usage.prompt_tokens == found.usage.total_tokens == 5 and found.model == "e", found
assert len(client.embeddings.create(model="openai/e", input="alone").data) == 1
many = client.embeddings.create(model="openai/e", input=[f"text {number}" for number in range(200)])
assert len(many.data) == 200 and all(math.isclose(item.embedding[1], 0.5) for item in many.data)
answer = client.chat.completions.create(model="openai/gpt", messages=history)
assert answer.choices[0].message.content == "Hello, wörld 🙂" and answer.usage.prompt_tokens == 11, answer
try:
    client.chat.completions.create(model="openai/status-429", messages=history)
    raise SystemExit("a provider's 429 was not raised")
except openai.RateLimitError as error:
    assert int(error.response.headers["Retry-After"]) > 0 and error.code == "rate_limit_exceeded", error
for wrong, kind in [
    (lambda: client.embeddings.create(model="openai/short", input="x"), openai.InternalServerError),
    (lambda: client.embeddings.create(model="nobody/e", input="x"), openai.NotFoundError),
    (lambda: client.embeddings.create(model="openai/e", input=""), openai.BadRequestError),
    (lambda: client.embeddings.create(model="openai/e", input=[[1, 2, 3]]), openai.BadRequestError),
    (lambda: client.embeddings.create(model="openai/e", input=["x"] * 2049), openai.BadRequestError),
    (lambda: client.embeddings.create(model="openai/e", input="x", dimensions=2), openai.BadRequestError),
    (lambda: client.get("/nothing", cast_to=object), openai.NotFoundError),
    (lambda: client.chat.completions.create(model="gpt-9", messages=history), openai.NotFoundError),
    (lambda: client.chat.completions.create(model="gpt-9", messages=history, stream=True), openai.NotFoundError),
    (lambda: client.chat.completions.create(model="extractive", messages=[]), openai.BadRequestError),
    (lambda: client.chat.completions.create(model="extractive", messages=history, tool_choice="required"), openai.BadRequestError),
    (lambda: client.with_options(api_key="wrong").chat.completions.create(model="extractive", messages=history), openai.AuthenticationError),
]:
    try:
        wrong()
        raise SystemExit(f"{kind} was not raised")
    except kind as error:
        assert error.body["message"], error
print("well", openai.__version__)
