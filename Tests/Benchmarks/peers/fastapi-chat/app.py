"""The turn of `POST /v1/chat` as a FastAPI service would do it with SQLite: the message stored before it is answered, the answer after; an extractive
answer from the conversation's own sentences; one API key. Run by uvicorn; the database is CHAT_DB, the key CHAT_KEY.
"""
import hashlib, hmac, json, math, os, re, sqlite3, threading, time, uuid

from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel

KEY = hashlib.sha256(os.environ["CHAT_KEY"].encode()).digest()
LOCAL = threading.local()
SCHEMA = """
CREATE TABLE IF NOT EXISTS conversation (id TEXT PRIMARY KEY, owner TEXT NOT NULL, title TEXT NOT NULL, message_count INTEGER NOT NULL, updated_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS message (id TEXT PRIMARY KEY, conversation TEXT NOT NULL REFERENCES conversation (id) ON DELETE CASCADE, seq INTEGER NOT NULL,
    role TEXT NOT NULL, content TEXT NOT NULL, usage TEXT, created_at REAL NOT NULL, UNIQUE (conversation, seq));
"""


def database():
    if not hasattr(LOCAL, "db"):
        LOCAL.db = sqlite3.connect(os.environ["CHAT_DB"], timeout=30, isolation_level=None)
        LOCAL.db.execute("PRAGMA journal_mode=WAL")
        LOCAL.db.execute("PRAGMA synchronous=FULL")
        LOCAL.db.execute("PRAGMA foreign_keys=ON")
    return LOCAL.db


database().executescript(SCHEMA)
app = FastAPI()


class Said(BaseModel):
    content: str


class Chat(BaseModel):
    message: Said
    conversation_id: str | None = None


def words(text):
    return re.findall(r"\w+", text.lower())


def answer(question, history):
    asked = set(words(question))
    sentences = [s for text in history for s in re.split(r"(?<=[.!?])\s+", text) if s and not s.endswith("?")]
    split = [words(s) for s in sentences]
    best, top = None, 0.0
    for sentence, parts in zip(sentences, split):
        score = sum(math.log(1 + len(split) / (1 + sum(w in other for other in split))) for w in asked if w in parts)
        if score > top:
            best, top = sentence, score
    return f"{best} [1]" if best else "Noted."


@app.post("/v1/chat")
def chat(body: Chat, authorization: str = Header()):
    given = hashlib.sha256(authorization.removeprefix("Bearer ").encode()).digest()
    if not hmac.compare_digest(given, KEY):
        raise HTTPException(401)
    db, now, began = database(), time.time(), time.perf_counter()
    db.execute("BEGIN IMMEDIATE")
    try:
        if body.conversation_id:
            row = db.execute("UPDATE conversation SET message_count = message_count + 2, updated_at = ? WHERE id = ? RETURNING message_count", (now, body.conversation_id)).fetchone()
            if not row:
                raise HTTPException(404)
            conversation, last = body.conversation_id, row[0]
        else:
            conversation, last = str(uuid.uuid4()), 2
            db.execute("INSERT INTO conversation VALUES (?, 'bench', ?, 2, ?)", (conversation, body.message.content[:60], now))
        db.execute("INSERT INTO message VALUES (?, ?, ?, 'user', ?, NULL, ?)", (str(uuid.uuid4()), conversation, last - 1, body.message.content, now))
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    history = [row[0] for row in db.execute("SELECT content FROM message WHERE conversation = ? AND seq < ? ORDER BY seq DESC LIMIT 256", (conversation, last - 1))]
    text = answer(body.message.content, history)
    usage = {"tokens_in": sum(map(len, history)) // 4, "tokens_out": len(text) // 4, "wall_ms": int((time.perf_counter() - began) * 1000)}
    name = str(uuid.uuid4())
    db.execute("INSERT INTO message VALUES (?, ?, ?, 'assistant', ?, ?, ?)", (name, conversation, last, text, json.dumps(usage), time.time()))
    return {"status": "ok", "data": {"conversation_id": conversation, "message_id": name, "content": text, "usage": usage, "truncated": False}}
