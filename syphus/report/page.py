"""The page itself: one HTML file with its data in it, that loads nothing and asks nobody.

The data stand in script elements of a type that no browser runs, as gzipped JSON in base64: nothing in a text can end such an
element or begin another, and ten thousand dialogues are a few megabytes. The browser unpacks a block when it is looked at
(``DecompressionStream``: Chrome 80, Firefox 113, Safari 16.4). Texts reach the page by ``textContent`` alone, and the policy
in its head lets only the two texts of this folder run, by their digests, and no picture but those in the page itself.
"""

import base64
import gzip
import html
import json
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from itertools import zip_longest
from typing import IO, Any

import msgspec

from syphus.identity import digest
from syphus.records import Dialogue, Scene
from syphus.references.text import Reference, plain_text, replace_references
from syphus.report.decisions import valid_text, version_of
from syphus.report.facts import Asked, ReportFacts, Sample
from syphus.report.pictures import PictureBook

SCRIPTS = ("core", "data", "decisions", "prose", "picture", "charts", "overview", "list", "detail", "main")
"""In the order in which they stand in the page; each uses those before it."""
BLOCK = 200
"""Samples that are packed together."""
_PREVIEW = 140
_EVIDENCE = 600
"""Characters of an evidence that are kept."""
_MARK = "\ufdd0"
"""No character; stands for a reference while a text is taken to pieces."""


class _Packer:
    """Puts values into blocks of one kind."""

    def __init__(self, kind: str, out: IO[bytes]) -> None:
        self._kind, self._out = kind, out
        self._values: list[Any] = []
        self._block = 0

    def put(self, value: Any) -> tuple[int, int]:
        self._values.append(value)
        place = (self._block, len(self._values) - 1)
        if len(self._values) == BLOCK:
            self.flush()
        return place

    def flush(self) -> None:
        if self._values:
            write_block(self._out, f"{self._kind}-{self._block}", self._values)
            self._values, self._block = [], self._block + 1


class _Names:
    """Texts that repeat, by number."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def of(self, name: str) -> int:
        return self.numbers.setdefault(name, len(self.numbers))


def write_block(out: IO[bytes], name: str, value: Any) -> None:
    """A value as an element that only our own script reads; ``name`` is ours and never a text of the data."""
    try:
        data = msgspec.json.encode(value)
    except UnicodeEncodeError:  # half of a surrogate pair
        data = json.dumps(msgspec.to_builtins(value)).encode()
    packed = gzip.compress(data, compresslevel=6, mtime=0)
    out.write(
        b'<script type="application/gzip" id="' + name.encode() + b'">' + base64.b64encode(packed) + b"</script>\n"
    )


@cache
def _asset(name: str) -> str:
    return (files("syphus.report") / "web" / name).read_text(encoding="utf-8")


@cache
def script_text() -> str:
    """All scripts as one, in a scope of their own."""
    body = "\n".join(_asset(f"{name}.js") for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{body}\n}})();\n'


def policy(*, live: bool = False) -> str:
    """The Content-Security-Policy of the page: our script and our style, pictures out of the page itself, and nothing else.

    Args:
        live: the page may also speak to the server that it came from.
    """
    rules = [
        "default-src 'none'",
        f"script-src '{_hash(script_text())}'",
        f"style-src '{_hash(_asset('page.css'))}'",
        "img-src data:",
        f"connect-src {chr(39)}{'self' if live else 'none'}{chr(39)}",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return "; ".join(rules)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(sha256(text.encode()).digest()).decode()


def write_page(facts: ReportFacts, out: IO[bytes], book: PictureBook, *, live: bool = False) -> int:
    """Writes the page.

    Args:
        facts: what it shows; the samples are read one at a time.
        out: a binary file.
        book: makes the pictures.
        live: the page saves decisions as they are made, to the server that it came from.

    Returns:
        How many samples it has.
    """
    head, _, rest = _asset("page.html").partition("<!--data-->")
    values = {
        "<!--policy-->": html.escape(policy(live=live)),
        "<!--title-->": html.escape(valid_text(facts.title)),
        "<!--style-->": f"<style>{_asset('page.css')}</style>",
    }
    for mark, value in values.items():
        head = head.replace(mark, value)
    out.write(head.encode())
    writer = _Writer(out, book)
    for sample in facts.samples:
        writer.add(sample)
    writer.finish(facts, live=live)
    out.write(rest.replace("<!--script-->", f"<script>{script_text()}</script>").encode())
    return len(writer.rows["id"])


class _Writer:
    """Writes samples as they come, and keeps what the list and the charts need of each."""

    def __init__(self, out: IO[bytes], book: PictureBook) -> None:
        self._out, self._book = out, book
        self._texts, self._scenes, self._asked = (_Packer(kind, out) for kind in ("texts", "scenes", "asked"))
        self._known_scenes: dict[tuple[str, str], tuple[int, int] | None] = {}
        self._names = {name: _Names() for name in ("category", "ability", "source", "language", "code", "topic")}
        columns = (
            "id version category ability source state languages pairs question answer cost codes preview picture topics"
        )
        self.rows: dict[str, list[Any]] = {name: [] for name in columns.split()}
        self._ids: set[str] = set()

    def add(self, sample: Sample) -> None:
        """Writes one."""
        first = sample.dialogues[0] if sample.dialogues else None
        identity = sample.id
        while identity in self._ids:  # a dataset of others may give one id to several
            identity += "~"
        self._ids.add(identity)
        assets = [self._picture(asset, sample.source) for asset in _assets(sample)]
        self._texts.put(self._body(sample, assets))
        rows, names = self.rows, self._names
        codes = sorted({one.code for one in sample.remarks} | {one.code for one in sample.rejects})
        pictures = [number for asset in assets for number in asset.get("pictures", ())]
        rows["id"].append(identity)
        rows["version"].append({f"{one.language} {label}".strip(): version_of(one) for one, label in _labelled(sample)})
        for name in ("category", "ability", "source"):
            rows[name].append(names[name].of(getattr(sample, name)))
        rows["state"].append(sample.state)
        rows["languages"].append([names["language"].of(one.language) for one, label in _labelled(sample) if not label])
        rows["pairs"].append(len(first.turns) // 2 if first else 0)
        rows["question"].append([one.question_words for one in sample.pairs])
        rows["answer"].append([one.answer_words for one in sample.pairs])
        rows["cost"].append(None if sample.cost is None else round(sample.cost, 7))
        rows["codes"].append([names["code"].of(code) for code in codes])
        rows["preview"].append(_preview(sample, first))
        rows["picture"].append(pictures[0] if pictures else None)
        topics = [names["topic"].of(f"{one.verb}\t{one.object}") for one in sample.pairs if one.verb]
        rows["topics"].append(topics)
        for number, data in self._book.take():
            body = base64.b64encode(data)
            self._out.write(b'<script type="text/plain" id="picture-%d">' % number + body + b"</script>\n")

    def finish(self, facts: ReportFacts, *, live: bool) -> None:
        """Writes what can only be known at the end."""
        for packer in (self._texts, self._scenes, self._asked):
            packer.flush()
        write_block(self._out, "prefixes", {str(number): texts for number, texts in facts.prefixes.items()})
        index = {
            "title": facts.title,
            "origin": facts.origin,
            "made": facts.made,
            "key": digest([[valid_text(one) for one in (facts.title, *self.rows["id"])], self.rows["version"]]),
            "live": live,
            "block": BLOCK,
            "total": facts.total,
            "categories": facts.categories,
            "refused": facts.refused,
            "repeated": facts.repeated,
            "pairs_alike": facts.pairs_alike,
            "remarks": facts.remarks,
            "decisions": list(facts.decisions.values()),
            "names": {name: list(names.numbers) for name, names in self._names.items()},
            "rows": self.rows,
        }
        write_block(self._out, "index", index)

    def _picture(self, asset: Any, source: str) -> dict[str, Any]:
        shown: dict[str, Any] = msgspec.to_builtins(asset)
        if (shown.get("url") or "").startswith("data:"):
            shown["url"] = "(in the file itself)"
        if numbers := self._book.numbers(asset, source):
            shown["pictures"] = numbers
            if times := [round(self._book.times[number], 2) for number in numbers if number in self._book.times]:
                shown["times"] = times
            if "width" not in shown or "height" not in shown:
                shown["width"], shown["height"] = self._book.sizes[numbers[0]]
        return {"id": asset.id, "kind": asset.kind, **shown}

    def _body(self, sample: Sample, assets: list[dict[str, Any]]) -> dict[str, Any]:
        """What is shown of a sample when it is opened; empty things are left out."""
        body = {
            "scene_id": sample.scene_id,
            "versions": [_version(one, label) for one, label in _labelled(sample)],
            "assets": assets,
            "objects": _objects(sample),
            "remarks": [_short(msgspec.to_builtins(one)) for one in sample.remarks],
            "rejects": [_short(msgspec.to_builtins(one)) for one in sample.rejects],
            "notes": sample.notes,
            "detail": sample.detail,
            "scene": self._scene(sample.scene),
            "asked": self._asked.put([_asked(one) for one in sample.asked]) if sample.asked else None,
        }
        return {key: value for key, value in body.items() if value not in (None, "", [], ())}

    def _scene(self, scene: Scene | None) -> tuple[int, int] | None:
        if scene is None:
            return None
        key = (scene.source, scene.id)
        if key not in self._known_scenes:
            shown = msgspec.to_builtins(scene)
            for name in ("id", "source", "assets", "objects", "metadata", "tools"):
                shown.pop(name, None)
            for name in ("captions", "segments"):
                for one in shown.get(name, ()):
                    if "text" in one:
                        one["text"] = plain_text(one["text"])
            self._known_scenes[key] = self._scenes.put(shown) if shown else None
        return self._known_scenes[key]


def _assets(sample: Sample) -> Sequence[Any]:
    if sample.dialogues and sample.dialogues[0].assets:
        return sample.dialogues[0].assets
    return sample.scene.assets if sample.scene else ()


def _objects(sample: Sample) -> list[dict[str, Any]]:
    """Everything that has a name and perhaps a place: what the dialogue refers to first, then what else is in the scene."""
    found: dict[str, dict[str, Any]] = {}
    for dialogue in sample.dialogues:
        for one in dialogue.objects:
            found.setdefault(one.id, {"id": one.id, "label": one.label, "box": one.box, "asset": one.asset})
    for one in sample.scene.objects if sample.scene else ():
        shown = found.setdefault(one.id, {"id": one.id, "label": one.label, "box": one.box, "asset": one.asset})
        shown |= {"attributes": one.attributes, "crowd": one.crowd}
    for shown in found.values():
        shown["box"] = [round(edge, 1) for edge in shown["box"]] if shown["box"] else None
    return [{key: value for key, value in one.items() if value} for one in found.values()]


def _labelled(sample: Sample) -> list[tuple[Dialogue, str]]:
    return list(zip_longest(sample.dialogues, sample.labels[: len(sample.dialogues)], fillvalue=""))  # type: ignore[arg-type]


def _version(dialogue: Dialogue, label: str) -> dict[str, Any]:
    shown = {
        "language": dialogue.language,
        "label": label,
        "system": dialogue.system,
        "turns": [_parts(turn.text) for turn in dialogue.turns],
        "model": dialogue.provenance.model,
    }
    return {key: value for key, value in shown.items() if value}


def _parts(text: str) -> list[str | tuple[str, tuple[str, ...]]]:
    """The text in pieces: plain ones, and references with their phrase and ids."""
    met: list[tuple[str, tuple[str, ...]]] = []

    def mark(reference: Reference) -> str:
        met.append((reference.phrase, reference.ids))
        return _MARK

    pieces = replace_references(text.replace(_MARK, ""), mark).split(_MARK)
    parts: list[str | tuple[str, tuple[str, ...]]] = [pieces[0]]
    for reference, piece in zip(met, pieces[1:], strict=True):
        parts += [reference, piece]
    return [part for part in parts if part]


def _asked(one: Asked) -> dict[str, Any]:
    shown = msgspec.to_builtins(one)
    return {key: value for key, value in shown.items() if value not in (None, "")}


def _short(remark: dict[str, Any]) -> dict[str, Any]:
    evidence = remark.get("evidence", "")
    return remark | {"evidence": evidence[:_EVIDENCE] + "…"} if len(evidence) > _EVIDENCE else remark


def _preview(sample: Sample, first: Dialogue | None) -> str:
    text = (
        plain_text(first.turns[0].text) if first else sample.detail or "; ".join(one.message for one in sample.rejects)
    )
    line = " ".join(text.split())
    return line if len(line) <= _PREVIEW else line[: _PREVIEW - 1] + "…"
