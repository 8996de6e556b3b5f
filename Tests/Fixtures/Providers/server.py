"""Servers that speak as model providers do, after their public documents: OpenAI's chat completions and embeddings, Anthropic's messages, and what
Zhipu and Moonshot do otherwise. What a model is called decides what it does, faults among it. Standard library only.

    server.py OUT [CERTIFICATE KEY]      writes the port to OUT/port and each request as a line of JSON to OUT/requests
"""
import http.server
import json
import os
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time

KEY = "sk-a-key-of-the-tests-0123456789"
LOCK = threading.Lock()
OUT = sys.argv[1]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    # -- what is sent --------------------------------------------------

    def plain(self, status, value, headers=()):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, text in headers:
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def begin(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def raw(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def finish_stream(self):
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def cut(self, reset=False):
        """Ends the connection in the middle of the body; with a reset if asked for."""
        self.wfile.flush()
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    # -- what is asked -------------------------------------------------

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) if self.headers["Content-Length"] else self.chunks())
        with LOCK, open(OUT + "/requests", "a") as file:
            file.write(json.dumps({"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body}) + "\n")
        path = self.path.split("?")[0]
        is_claude = path.endswith("/v1/messages")
        given = (self.headers.get("Authorization") or "")[len("Bearer "):]
        if is_claude:
            given = self.headers.get("x-api-key") or given
        # Over http, as on one's own machine, no key is asked for.
        if isinstance(self.connection, ssl.SSLSocket) and given != KEY:
            return self.refuse(is_claude, 401, "invalid x-api-key" if is_claude else f"Incorrect API key provided: {given}", "authentication_error")
        if is_claude and self.headers.get("anthropic-version") not in ("2023-06-01", "2026-10-21"):
            return self.refuse(True, 400, "anthropic-version: header is required", "invalid_request_error")
        if is_claude and self.headers.get("anthropic-version") == "2026-10-21" and "temperature" in body:
            return self.refuse(True, 400, "temperature: Extra inputs are not permitted", "invalid_request_error")
        model = body.get("model", "")
        # A prefix as a small server's own base URL may have; the rest is the provider's.
        speaker = Claude(self, body) if is_claude else GLM(self, body) if "/paas/" in path else Kimi(self, body) if path.startswith("/kimi") else OpenAI(self, body)
        if path.endswith("/embeddings"):
            return speaker.embed()
        problem = speaker.problem()
        if problem:
            return self.refuse(is_claude, 400, problem, "invalid_request_error")
        if model.startswith("status-"):
            return self.status(is_claude, int(model[7:10]), model[11:])
        speaker.answer(model)

    def chunks(self):
        data = b""
        while True:
            size = int(self.rfile.readline(), 16)
            data += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return data

    def refuse(self, is_claude, status, message, kind, code=None, headers=()):
        error = {"type": kind, "message": message} if is_claude else {"message": message, "type": kind, "param": None, "code": code}
        self.plain(status, {"type": "error", "error": error} if is_claude else {"error": error}, headers)

    def status(self, is_claude, status, extra):
        headers = [("Retry-After", extra)] if extra.isdigit() else []
        if extra == "overflow":
            message = "prompt is too long: 250000 tokens > 200000 maximum" if is_claude else "This model's maximum context length is 8192 tokens."
            return self.refuse(is_claude, status, message, "invalid_request_error", None if is_claude else "context_length_exceeded")
        if extra == "html":
            return self.plain(status, b"<html>bad gateway</html>")
        kinds = {400: "invalid_request_error", 403: "permission_error", 429: "rate_limit_error", 500: "api_error", 503: "server_error", 529: "overloaded_error"}
        self.refuse(is_claude, status, "for the test", kinds.get(status, "error"), headers=headers)


class OpenAI:
    """Chat completions with tools and streaming."""

    names = r"^[a-zA-Z0-9_-]{1,64}$"

    def __init__(self, handler, body):
        self.handler, self.body = handler, body

    def problem(self):
        import re
        calls = set()
        for message in self.body["messages"]:
            if message["role"] not in ("system", "developer", "user", "assistant", "tool"):
                return "Invalid role"
            for call in message.get("tool_calls") or []:
                calls.add(call["id"])
                if call["type"] != "function" or not isinstance(json.loads(call["function"]["arguments"]), dict):
                    return "Invalid tool call"
            if message["role"] == "tool" and message.get("tool_call_id") not in calls:
                return "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
            if message["content"] is None and not message.get("tool_calls"):
                return "content must be given"
        for tool in self.body.get("tools") or []:
            if tool["type"] != "function" or not re.match(self.names, tool["function"]["name"]):
                return "Invalid 'tools[0].function.name': string does not match pattern."
            if tool["function"]["parameters"].get("type") != "object":
                return "schema must be a JSON Schema of 'type: \"object\"'"
        if self.body.get("stream_options") and not self.body.get("stream"):
            return "The 'stream_options' parameter is only allowed when 'stream' is enabled."

    def chunk(self, delta, finish=None, **more):
        value = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": self.model, "system_fingerprint": "fp_1",
                 "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}
        value.update(more)
        return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"

    def usage(self, finish):
        """What follows the answer's end."""
        counts = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
        last = [self.chunk({}, finish)]
        if (self.body.get("stream_options") or {}).get("include_usage"):
            last.append(self.chunk({}, None, choices=[], usage=counts))
        return last + [b"data: [DONE]\n\n"]

    def words(self):
        return ["Hel", "lo, ", "wörld", " 🙂"]

    def script(self):
        yield self.chunk({"role": "assistant", "content": "", "refusal": None})
        for word in self.words():
            yield self.chunk({"content": word})
        yield from self.usage("stop")

    def tools(self):
        """Two calls, their arguments split inside names, escapes and numbers."""
        names = [tool["function"]["name"] for tool in self.body["tools"]]
        name = next((name for name in names if "evaluate" in name), names[0])
        yield self.chunk({"role": "assistant", "content": None})
        yield self.chunk({"tool_calls": [{"index": 0, "id": "call_a", "type": "function", "function": {"name": name, "arguments": ""}}]})
        for piece in self.split('{"expression": "1 + 1", "note": "q\\"\\u00e9\\n"}'):
            yield self.chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
        yield self.chunk({"tool_calls": [{"index": 1, "id": "call_b", "type": "function", "function": {"name": name, "arguments": "{\"expr"}}]})
        yield self.chunk({"tool_calls": [{"index": 1, "function": {"arguments": "ession\": \"2\"}"}}]})
        yield from self.usage("tool_calls")

    @staticmethod
    def split(text):
        return [text[at:at + 3] for at in range(0, len(text), 3)]

    def whole(self, finish="stop"):
        message = {"role": "assistant", "content": "".join(self.words()), "refusal": None}
        if self.body.get("tools"):
            name = self.body["tools"][0]["function"]["name"]
            message = {"role": "assistant", "content": None, "refusal": None, "tool_calls": [
                {"id": "call_a", "type": "function", "function": {"name": name, "arguments": '{"expression": "1 + 1"}'}}]}
            finish = "tool_calls"
        return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": self.model,
                "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
                "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}}

    def broken(self):
        return [self.chunk({"content": "Hel"}), b"data: {\"choices\": [\n\n", b"data: [DONE]\n\n"]

    def complaint(self):
        return [self.chunk({"content": "Hel"}), b'data: {"error": {"message": "The server had an error", "type": "server_error", "code": null}}\n\n']

    def bad_arguments(self, finish="tool_calls"):
        name = self.body["tools"][0]["function"]["name"]
        return [self.chunk({"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": name, "arguments": "{\"a\": "}}]})] + self.usage(finish)

    def answer(self, model):
        self.model = model
        handler = self.handler
        if not self.body.get("stream") or model == "never-streams":
            return handler.plain(200, self.whole())
        if model == "html":
            return handler.plain(200, b"<html>no model here</html>")
        handler.begin()
        # What a tool said is answered in words.
        wants_tool = self.body.get("tools") and self.body["messages"][-1]["role"] != "tool"
        stream = list(self.tools() if wants_tool else self.script())
        if model == "one-byte":
            for byte in b"".join(stream):
                handler.raw(bytes([byte]))
        elif model == "crlf":
            handler.raw(b"\xef\xbb\xbf: a comment\r\n\r\n" + b"".join(stream).replace(b"\n", b"\r\n"))
        elif model == "slow-drip":
            for event in stream:
                handler.raw(event)
                time.sleep(0.3)
        elif model == "thinks":
            for _ in range(6):
                handler.raw(self.thought())
                time.sleep(0.3)
            handler.raw(b"".join(stream))
        elif model in ("cut", "reset"):
            for event in stream[:3]:
                handler.raw(event)
            # What was sent is to be read before the end is felt.
            time.sleep(0.2)
            return handler.cut(reset=model == "reset")
        elif model == "cut-early":
            return handler.cut()
        elif model == "ends-early":
            handler.raw(b"".join(stream[:3]))
        elif model == "no-done":
            handler.raw(b"".join(event for event in stream if b"[DONE]" not in event and b"message_stop" not in event))
        elif model == "malformed":
            handler.raw(b"".join(self.broken()))
        elif model == "complains":
            handler.raw(b"".join(self.complaint()))
        elif model == "bad-arguments":
            handler.raw(b"".join(self.bad_arguments()))
        elif model == "cut-arguments":
            handler.raw(b"".join(self.bad_arguments("length")))
        elif model == "silent":
            handler.raw(stream[0] + stream[1] + stream[2])
            time.sleep(60)
        elif model == "echoes-key":
            handler.raw(self.chunk({"content": "your key is " + KEY}) + b"".join(self.usage("stop")))
        else:
            for event in stream:
                handler.raw(event)
        handler.finish_stream()

    def thought(self):
        return self.chunk({"reasoning_content": "hm"})

    def embed(self):
        if self.body["model"] == "short":
            return self.handler.plain(200, {"object": "list", "data": [], "model": "short", "usage": {"prompt_tokens": 1}})
        texts = self.body["input"] if isinstance(self.body["input"], list) else [self.body["input"]]
        if self.body.get("encoding_format") == "base64":
            import base64
            vector = lambda at: base64.b64encode(struct.pack("<3f", at, 0.5, -1)).decode()
        else:
            vector = lambda at: [float(at), 0.5, -1]
        # In no order: the index counts.
        data = [{"object": "embedding", "index": at, "embedding": vector(at)} for at in reversed(range(len(texts)))]
        self.handler.plain(200, {"object": "list", "data": data, "model": self.body["model"], "usage": {"prompt_tokens": 5, "total_tokens": 5}})


class GLM(OpenAI):
    """Counts come unasked in the last chunk; other bounds."""

    def problem(self):
        if "stream_options" in self.body or self.body.get("temperature", 1) > 1 or len(self.body.get("stop") or []) > 1:
            return "1210: parameter error"
        return super().problem()

    def usage(self, finish):
        return [self.chunk({"role": "assistant", "content": ""}, finish, usage={"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}),
                b"data: [DONE]\n\n"]


class Kimi(OpenAI):
    """Counts stand in the last choice."""

    def problem(self):
        if not 0 <= self.body.get("temperature", 0) <= 1:
            return "invalid temperature: only 0 to 1 is allowed"
        return super().problem()

    def usage(self, finish):
        counts = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
        return [self.chunk({}, None, choices=[{"index": 0, "delta": {}, "finish_reason": finish, "usage": counts}]), b"data: [DONE]\n\n"]


class Claude(OpenAI):
    """Messages with tools and streaming."""

    def problem(self):
        import re
        if not isinstance(self.body.get("max_tokens"), int):
            return "max_tokens: Field required"
        before = None
        for turn in self.body["messages"]:
            if turn["role"] not in ("user", "assistant") or turn["role"] == before:
                return "messages: roles must alternate between \"user\" and \"assistant\""
            before = turn["role"]
            blocks = turn["content"] if isinstance(turn["content"], list) else [{"type": "text", "text": turn["content"]}]
            if not blocks or any(block["type"] == "text" and not block["text"].strip() for block in blocks):
                return "messages: text content blocks must be non-empty"
        if self.body["messages"][0]["role"] != "user":
            return "messages: first message must use the \"user\" role"
        for tool in self.body.get("tools") or []:
            if not re.match(self.names, tool["name"]) or tool["input_schema"].get("type") != "object":
                return "tools.0: input does not match"

    def event(self, kind, **more):
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **more}, ensure_ascii=False)}\n\n".encode()

    def start(self):
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": self.model, "content": [], "stop_reason": None, "stop_sequence": None,
                   "usage": {"input_tokens": 8, "cache_creation_input_tokens": 1, "cache_read_input_tokens": 2, "output_tokens": 1}}
        return self.event("message_start", message=message)

    def delta(self, index, **delta):
        return self.event("content_block_delta", index=index, delta=delta)

    def ended(self, reason):
        return [self.event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage={"output_tokens": 7}), self.event("message_stop")]

    def script(self):
        yield self.start()
        yield self.event("content_block_start", index=0, content_block={"type": "text", "text": ""}) + self.event("ping")
        for word in self.words():
            yield self.delta(0, type="text_delta", text=word)
        yield self.event("content_block_stop", index=0)
        yield self.event("one_day_there_may_be_more")
        yield from self.ended("end_turn")

    def tools(self):
        name = self.body["tools"][0]["name"]
        yield self.start()
        for index, (ident, text) in enumerate([("call_a", '{"expression": "1 + 1", "note": "q\\"\\u00e9\\n"}'), ("call_b", '{"expression": "2"}')]):
            yield self.event("content_block_start", index=index, content_block={"type": "tool_use", "id": ident, "name": name, "input": {}})
            for piece in [""] + self.split(text):
                yield self.delta(index, type="input_json_delta", partial_json=piece)
            yield self.event("content_block_stop", index=index)
        yield from self.ended("tool_use")

    def whole(self, finish="end_turn"):
        content = [{"type": "text", "text": "".join(self.words())}]
        if self.body.get("tools"):
            content = [{"type": "tool_use", "id": "call_a", "name": self.body["tools"][0]["name"], "input": {"expression": "1 + 1"}}]
            finish = "tool_use"
        return {"id": "msg_1", "type": "message", "role": "assistant", "model": self.model, "content": content, "stop_reason": finish, "stop_sequence": None,
                "usage": {"input_tokens": 11, "output_tokens": 7}}

    def broken(self):
        return [self.start(), self.delta(0, type="text_delta", text="Hel"), b"event: content_block_delta\ndata: {\"type\":\n\n"]

    def complaint(self):
        return [self.start(), self.delta(0, type="text_delta", text="Hel"),
                self.event("error", error={"type": "overloaded_error", "message": "Overloaded"})]

    def bad_arguments(self, finish="tool_use"):
        name = self.body["tools"][0]["name"]
        return [self.start(), self.event("content_block_start", index=0, content_block={"type": "tool_use", "id": "c", "name": name, "input": {}}),
                self.delta(0, type="input_json_delta", partial_json="{\"a\": ")] + self.ended("max_tokens" if finish == "length" else finish)

    def thought(self):
        return self.event("ping")

    def chunk(self, delta, finish=None, **more):
        return self.start() + self.delta(0, type="text_delta", text=delta["content"])

    def usage(self, finish):
        return self.ended("end_turn")


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass


server = Server(("127.0.0.1", 0), Handler)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    # The handshake is the connection's own thread's business.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
open(OUT + "/requests", "w").close()
with open(OUT + "/port.new", "w") as file:
    file.write(str(server.server_address[1]))
os.rename(OUT + "/port.new", OUT + "/port")
server.serve_forever()
