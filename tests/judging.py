"""A run to judge, and judges that do as they are told, for the tests of ``judge``, ``blind`` and ``correct``."""

import json
import re
import sqlite3
from pathlib import Path

from folders import write_category

from syphus.exchange import Reply
from syphus.ledger.store import LEDGER_FILE
from syphus.rehearsal.replies import completion

TOML = """
ability = "perception"
[context]
blocks = ["captions", "objects"]
[context.captions]
heading = "Seen:"
[[steps]]
kind = "chat"
name = "talk"
pairs = [2, 2]
[dialogue]
pairs = "talk"
"""
PAIRS = [
    {"question": "What waits at the old mill?", "answer": "A brown horse waits at the old mill with {} carts."},
    {"question": "What is the weather like?", "answer": "It is sunny. A dog sleeps before the door of the old mill."},
]


def make_project(folder: Path, url: str, scenes: int = 3, *, repairs: int = 0) -> Path:
    """A project whose run asks the server at ``url``; returns its configuration."""
    shown = {
        "scene": {"id": "shown", "captions": [{"text": "A cat lies before a door."}]},
        "reply": {
            "pairs": [{"question": "Where does the cat lie?", "answer": "The cat lies right before a door."}] * 2
        },
    }
    write_category(folder, "mine/first", TOML, {"system.md": "Talk about it."}, [shown])
    rows = [
        {"id": f"s{number}", "captions": [{"text": f"A brown horse with {number} carts waits at the old mill."}]}
        for number in range(scenes)
    ]
    (folder / "scenes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = folder / "run.toml"
    config.write_text(f"""
categories = ["mine/first"]
[run]
folder = "run"
[[sources]]
reader = "scenes"
name = "here"
path = "scenes.jsonl"
[model]
kind = "openai"
name = "m"
base_url = "{url}"
schema_mode = "json_schema"
concurrency = 2
attempts = 1
price_in = 10.0
price_out = 100.0
[overrides.all]
repairs = {repairs}
""")
    return config


def written(body: dict) -> dict:
    """What the model of the run says: pairs that pass the checks."""
    number = re.findall(r"with (\d+) carts", body["messages"][-1]["content"])[-1]
    pairs = [{**pair, "answer": pair["answer"].format(number)} for pair in PAIRS]
    return completion(json.dumps({"pairs": pairs}))


def fields_of(body: dict) -> dict:
    """The properties of what is asked for: of the array's elements, where there is one."""
    properties = body["response_format"]["json_schema"]["schema"]["properties"]
    (first, *rest) = properties.values()
    return first["items"]["properties"] if not rest and first["type"] == "array" else properties


def asked_pairs(body: dict) -> list[str]:
    """The numbers of the pairs that a judge is asked about."""
    text = body["messages"][-1]["content"]
    found = re.search(r"(?:Judge|Give only) pairs? (\d+(?:, \d+)*)(?: to (\d+))?", text)
    first, last = found[1], found[2]
    return [str(one) for one in range(int(first), int(last) + 1)] if last else first.split(", ")


def scores(body: dict, score_of, why="because") -> str:
    """A judge's reply: ``score_of(pair, criterion)``, in the order that was asked for."""
    names = [name for name in fields_of(body) if name not in ("pair", "why")]
    rows = [
        {"pair": pair, "why": why, **{name: str(score_of(int(pair), name)) for name in names}}
        for pair in asked_pairs(body)
    ]
    return json.dumps({"pairs": rows})


def outcomes(folder: Path, like: str = "%") -> list[dict]:
    """The rows of the run's outcomes whose category is like that."""
    with sqlite3.connect(folder / LEDGER_FILE) as db:
        db.row_factory = sqlite3.Row
        rows = db.execute("SELECT * FROM outcomes WHERE category LIKE ? ORDER BY item", (like,)).fetchall()
    names = ("dialogues", "rejects", "requests", "notes")
    return [{**dict(row), **{name: json.loads(row[name]) for name in names}} for row in rows]


class Scripted:
    """An ``ask`` that answers from a list, and keeps what it was asked."""

    def __init__(self, *replies: str | Reply) -> None:
        self.replies = list(replies)
        self.asked = []

    async def __call__(self, request):
        self.asked.append(request)
        reply = self.replies[len(self.asked) - 1]
        return reply if isinstance(reply, Reply) else Reply(text=reply, key=f"k{len(self.asked)}", model="m-1")
