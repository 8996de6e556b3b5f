"""The work of `limen bench store` as a FastAPI service would do it with SQLAlchemy: prints one JSON object.

bench.py ROWS_DB [BRIEF]: ROWS_DB is the file that `limen bench store --folder` filled, so that both page through the same rows.
"""
import hashlib, json, os, random, secrets, statistics, sys, tempfile, time

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.testclient import TestClient
from sqlalchemy import ForeignKey, create_engine, event, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

rows_db, brief = sys.argv[1], len(sys.argv) > 2
CHECKS, PAGES, WRITES, SIGN_INS = (500, 200, 200, 2) if brief else (20_000, 5_000, 5_000, 10)


class Base(DeclarativeBase):
    pass


class Account(Base):
    __tablename__ = "account"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    password: Mapped[bytes]
    salt: Mapped[bytes]


class Login(Base):
    __tablename__ = "login"
    id: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[int] = mapped_column(ForeignKey("account.id"))
    expires_at: Mapped[int]


class Note(Base):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[str]


class Item(Base):
    __tablename__ = "item"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[int]
    body: Mapped[str]


def opened(path):
    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def wal(connection, _):
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    return engine


def p50(samples):
    return statistics.median(samples) * 1e6


def timed(count, work):
    samples = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        samples.append(time.perf_counter() - start)
    return samples


def digest(password, salt):
    return hashlib.scrypt(password, salt=salt, n=1 << 17, r=8, p=1, maxmem=256 << 20)


folder = tempfile.mkdtemp()
engine = opened(f"{folder}/peer.db")
Base.metadata.create_all(engine, tables=[Account.__table__, Login.__table__, Note.__table__])
key = secrets.token_bytes(32)
salt = secrets.token_bytes(16)
with Session(engine) as session:
    session.add(Account(id=1, email="bench@example.com", role="user", password=digest(b"plum lantern veto 9", salt), salt=salt))
    session.commit()


def sign_in():
    with Session(engine) as session:
        account = session.scalars(select(Account).where(Account.email == "bench@example.com")).one()
        assert secrets.compare_digest(digest(b"plum lantern veto 9", account.salt), account.password)
        login = Login(id=secrets.token_urlsafe(32), account=account.id, expires_at=int(time.time()) + 86_400)
        session.add(login)
        session.commit()
        return jwt.encode({"sub": "1", "sid": login.id, "exp": int(time.time()) + 1800}, key, algorithm="HS256")


def caller(authorization: str = Header()):
    claims = jwt.decode(authorization.removeprefix("Bearer "), key, algorithms=["HS256"])
    with Session(engine) as session:
        account = session.scalars(select(Account).join(Login).where(Login.id == claims["sid"], Login.expires_at > int(time.time()))).first()
        if account is None:
            raise HTTPException(401)
        return account.id, account.role


result = {}
token = "Bearer " + sign_in()
caller(token)
result["check_p50_us"] = p50(timed(CHECKS, lambda: caller(token)))
application = FastAPI()


@application.get("/me")
def me(who=Depends(caller)):
    return {"id": who[0]}


client = TestClient(application)
assert client.get("/me", headers={"Authorization": token}).status_code == 200
result["check_in_fastapi_p50_us"] = p50(timed(CHECKS // 20, lambda: client.get("/me", headers={"Authorization": token})))
number = iter(range(1, 1 << 40))


def write(count):
    with Session(engine) as session:
        session.add_all([Note(id=next(number), body="a small write") for _ in range(count)])
        session.commit()


alone = timed(WRITES, lambda: write(1))
result["write_alone_p50_us"] = p50(alone)
result["writes_per_s"] = WRITES / sum(alone)
start = time.perf_counter()
for _ in range(max(1, WRITES // 200)):
    write(1000)
result["writes_batched_by_1000_per_s"] = max(1, WRITES // 200) * 1000 / (time.perf_counter() - start)
rows = opened(rows_db)
with Session(rows) as session:
    top = session.scalar(select(func.max(Item.id)))


def page():
    with Session(rows) as session:
        return session.scalars(
            select(Item).where(Item.owner == random.randrange(1000), Item.id > random.randrange(top)).order_by(Item.id).limit(50)
        ).all()


result["page_p50_us"] = p50(timed(PAGES, page))
result["sign_in_p50_ms"] = p50(timed(SIGN_INS, sign_in)) / 1000
result["kdf_p50_ms"] = p50(timed(SIGN_INS, lambda: digest(b"plum lantern veto 9", salt))) / 1000
print(json.dumps({key: round(value, 2) for key, value in result.items()}))
