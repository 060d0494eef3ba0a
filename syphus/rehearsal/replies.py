"""What the rehearsal's endpoint says: acceptable replies, decided by the request alone, with tokens counted as endpoints do.

The "model" is a program. It reads which form is asked for (the schema in ``response_format``, or the example at the end of
the system message) and fills it with sentences about the scene that is in the request. Since nothing but the request decides,
two runs against it can be compared byte for byte.
"""

import json
import re
from collections import OrderedDict
from hashlib import blake2b
from typing import Any, Literal

import msgspec
from msgspec import Struct

SERVED_MODEL = "scripted-1"
BYTES_PER_TOKEN = 4
"""English prose in today's vocabularies has four to five bytes to a token; fixed, so that blocks of tokens are blocks of
bytes."""
CACHE_BLOCK = 128
CACHE_FROM = 1024
"""OpenAI's prompt cache holds prefixes of 1,024 tokens and more, in steps of 128."""

_FORM_LINE = re.compile(r"^\{.*\}$", re.MULTILINE)
_COUNT = re.compile(r"\b(\d+)(?: to (\d+))? pairs?\b")
_LISTED = re.compile(r"^(?:(?P<id>[a-z]\d+) )?(?P<label>[^\W\d_].*?)(?: \([^)]*\))?: \[[\d., -]+\]")
"""A thing or a region with its place, which no answer may name in numbers."""
_CLOCK = r"(?:\d+:)?\d+:\d\d(?:\.\d)?"
_TIMED = re.compile(rf"{_CLOCK}(?: to {_CLOCK})?: ")
_COLUMN = re.compile(r"(?:;|(?<=[.!?])) [a-z][a-z ]*: .*$")
"""When something happens, and what else is known of it: no words for an answer."""
_SENTENCE_END = re.compile(r"(?<=[.!?]) ")
_REPAIR = re.compile(r"^That reply cannot be used")
_ENOUGH_WORDS = 62
"""In an answer: within the bounds of all categories that come with syphus, from 3..80 to 60..260."""
_SHORT = 20
"""Words. Of several texts in one object, one that is no longer in any demonstration of the request, the option of a choice or a
result, is as short here."""
_APART = 501
_QUESTION = frozenset({"question", "instruction", "query", "prompt", "user"})
_FILLERS = (
    "Nothing about it is hidden, and the rest follows from what is close to it.",
    "Somebody who came by would probably notice the same thing first, and then the smaller ones around it.",
    "It takes up a good part of the view, so little doubt is left.",
    "What lies behind it is harder to make out, and may well be something else.",
    "That is also the likely reason why everything else keeps its distance.",
    "A second look does not change the impression, though it adds a little to it.",
    "Whoever wanted to go there would start from the nearer end and take the open way.",
    "Because it is so near, its form and its colours come out clearly.",
)


class Answer(Struct, frozen=True):
    """What the server sends for one call."""

    status: int = 200
    body: bytes | str | dict[str, Any] = b""
    headers: dict[str, str] = {}
    delay: float | None = None
    """Seconds before anything is sent; None: the server's own. Infinite: it never answers."""
    ending: Literal["whole", "cut", "reset", "restart"] = "whole"
    """``cut``: the connection ends within the body; ``reset``: before anything is sent; ``restart``: that, and for a moment
    nobody listens."""

    @property
    def data(self) -> bytes:
        """The body's bytes."""
        if isinstance(self.body, dict):
            return msgspec.json.encode(self.body)
        return self.body.encode() if isinstance(self.body, str) else self.body


def completion(
    text: str | None, *, finish: str | None = "stop", refusal: str | None = None, usage: bool = True
) -> dict[str, Any]:
    """A chat completion with this text; its ``usage`` says 100 tokens in and 20 out."""
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if refusal:
        message["refusal"] = refusal
    reply: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": SERVED_MODEL,
        "choices": [{"index": 0, "finish_reason": finish, "message": message}],
    }
    if usage:
        reply["usage"] = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    return reply


def error(
    code: str | None, message: str = "no", *, type_: str = "invalid_request_error", param: str | None = None
) -> dict[str, Any]:
    """An error body in OpenAI's form."""
    return {"error": {"message": message, "type": type_, "code": code, "param": param}}


def count_tokens(data: bytes) -> int:
    """About how many tokens a text has."""
    return -(-len(data) // BYTES_PER_TOKEN)


class PrefixCache:
    """Which beginnings of prompts have been seen, as a provider's prompt cache knows them.

    Args:
        blocks: how many are remembered; the oldest are forgotten, so that memory stays flat over a million calls.
    """

    def __init__(self, blocks: int = 20_000) -> None:
        self._blocks = blocks
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def look_up(self, prompt: bytes) -> int:
        """Tokens of ``prompt`` that were seen before, and remembers it: a multiple of 128, and 0 or at least 1,024."""
        block, least = CACHE_BLOCK * BYTES_PER_TOKEN, CACHE_FROM * BYTES_PER_TOKEN
        digest = blake2b(prompt[: least - block], digest_size=16)
        cached = 0
        for end in range(least, len(prompt) + 1, block):
            digest.update(prompt[end - block : end])
            name = digest.digest()
            if name in self._seen:
                cached = end // BYTES_PER_TOKEN
                self._seen.move_to_end(name)
            else:
                self._seen[name] = None
                if len(self._seen) > self._blocks:
                    self._seen.popitem(last=False)
        return cached


def good_completion(body: dict[str, Any], cache: PrefixCache) -> dict[str, Any]:
    """An acceptable reply to a request, with what it used; cut, and marked ``length``, where the request's limit is lower."""
    prompt = msgspec.json.encode(body["messages"])
    text = good_text(body)
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    finish = "stop"
    if limit and count_tokens(text.encode()) > limit:
        text, finish = text.encode()[: limit * BYTES_PER_TOKEN].decode(errors="ignore"), "length"
    form = msgspec.json.encode(body["response_format"]) if body.get("response_format") else b""
    tokens_in, tokens_out = count_tokens(prompt + form), count_tokens(text.encode())
    reply = completion(text, finish=finish)
    reply["id"] = f"chatcmpl-{blake2b(prompt, digest_size=8).hexdigest()}"
    reply["usage"] = {
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
        "prompt_tokens_details": {"cached_tokens": cache.look_up(prompt)},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    return reply


def good_text(body: dict[str, Any]) -> str:
    """An acceptable reply to a request: JSON of the form that is asked for, or a few sentences where none is."""
    writer = _Writer(body["messages"])
    schema = _asked_schema(body)
    if schema is None:
        return writer.write_answer(0)
    return json.dumps(writer.fill(schema, "", 0), ensure_ascii=False)


def _asked_schema(body: dict[str, Any]) -> dict[str, Any] | None:
    """The schema that is sent; without one, that of the example in the system message; None for a free text."""
    form = body.get("response_format") or {}
    if schema := (form.get("json_schema") or {}).get("schema"):
        return dict(schema)
    for message in body["messages"]:
        if message["role"] == "system":
            for line in reversed(_FORM_LINE.findall(_text_of(message))):
                try:
                    return _schema_of(json.loads(line.replace(", …]", "]")))
                except ValueError:
                    continue
    return {"type": "object", "properties": {"answer": {}}} if form.get("type") == "json_object" else None


def _schema_of(example: Any) -> dict[str, Any]:
    if isinstance(example, dict):
        return {"type": "object", "properties": {name: _schema_of(value) for name, value in example.items()}}
    if isinstance(example, list):
        return {"type": "array", "items": _schema_of(example[0]) if example else {}}
    return {}


def _text_of(message: dict[str, Any]) -> str:
    """A message's text; of content in parts, those that are text."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content)


class _Writer:
    """Writes about the scene in one request."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self._number = int.from_bytes(blake2b(msgspec.json.encode(messages), digest_size=6).digest(), "big")
        self._system = "\n".join(_text_of(message) for message in messages if message["role"] == "system")
        asked = [_text_of(message) for message in messages if message["role"] == "user"]
        # The demonstrations' scenes come before; a wish for a better reply, which comes after, shows no scene.
        scene = next((text for text in reversed(asked) if not _REPAIR.match(text)), "")
        self._longest: dict[str, int] = {}
        self._sentences: set[str] = set()
        self._several = False
        for message in messages:
            if message["role"] == "assistant":
                self._read_demonstration(_text_of(message))
        self._ids: list[str] = []
        self._seen: list[str] = []
        self._read_scene(scene)

    def _read_demonstration(self, text: str) -> None:
        """How many words each text of a reply has, and which are sentences."""
        try:
            waiting = [json.loads(text)]
        except ValueError:
            return
        for value in waiting:
            if isinstance(value, list):
                waiting += value
            elif isinstance(value, dict):
                waiting += [inner for inner in value.values() if not isinstance(inner, str)]
                for name, inner in value.items():
                    if isinstance(inner, str):
                        self._longest[name] = max(self._longest.get(name, 0), len(inner.split()))
                        self._sentences |= {name} if inner.endswith(".") else set()

    def _read_scene(self, text: str) -> None:
        """Sentences and ids under the headings of a context (``What is where:``)."""
        labels: list[str] = []
        open_heading = False
        for paragraph in text.split("\n\n"):
            heading, *lines = paragraph.splitlines() or [""]
            if open_heading:  # what an earlier step gave: sentences, below a line of their own
                lines = [sentence for line in (heading, *lines) for sentence in _SENTENCE_END.split(line)]
            elif not heading.endswith(":"):
                continue
            open_heading = not lines
            for line in lines:
                if listed := _LISTED.match(line):
                    labels.append(listed["label"])
                    self._ids += [listed["id"]] if listed["id"] else []
                elif len((told := _COLUMN.sub("", _TIMED.sub("", line))).split()) > 3 and "“" not in told:
                    self._seen.append(told.rstrip(". ") + ".")
        self._seen += [f"Among other things there is a {label} here." for label in dict.fromkeys(labels)]
        if not self._seen:
            self._seen = [f"It says {line} there." for line in text.splitlines() if line.startswith("“")]
        if not self._seen:
            first = next((line for line in text.splitlines() if len(line.split()) > 3), "A thing stands there now")
            self._seen = [first.rstrip(".?: ") + "."]

    def fill(self, schema: dict[str, Any], name: str, index: int) -> Any:
        """A value of the schema; ``name`` and ``index`` say where it stands."""
        if "enum" in schema:
            return schema["enum"][self._number % len(schema["enum"])]
        if "const" in schema:
            return schema["const"]
        if either := schema.get("anyOf"):
            return self.fill(either[0], name, index)
        kind = schema.get("type", "string")
        match kind[0] if isinstance(kind, list) else kind:
            case "object":
                return self._fill_object(schema.get("properties", {}), index)
            case "array":
                return [self.fill(schema.get("items", {}), name, one) for one in range(self._count(schema))]
            case "integer" | "number":
                return schema.get("minimum", index + 1)
            case "boolean":
                return self._number % 2 == 0
            case "null":
                return None
        text = self._write_text(name, index)
        return text[: schema.get("maxLength", len(text))]

    def _fill_object(self, fields: dict[str, Any], index: int) -> dict[str, Any]:
        # Two answers in one object are not to say the same.
        told = [name for name in fields if name not in _QUESTION]
        places = {name: index + _APART * place for place, name in enumerate(told)}
        self._several = len(told) > 2 or 1 < len(told) < len(fields)
        return {name: self.fill(value, name, places.get(name, index)) for name, value in fields.items()}

    def _write_text(self, name: str, index: int) -> str:
        if name in _QUESTION:
            return self._write_question(index)
        if self._several and self._longest.get(name, _SHORT + 1) <= _SHORT:
            return self._write_short(name, index)
        return self.write_answer(index)

    def _write_short(self, name: str, index: int) -> str:
        """A few words, others for each field of a pair; with a reference where a system message shows how."""
        number = (self._number + index + 31 * sum(map(ord, name))) % 997
        most = self._longest[name]
        if "](#" in self._system and self._ids and most > 2:
            return f"[it](#{self._ids[number % len(self._ids)]}), as number {number}"
        # Words of the scene: an answer that has none of them is about something else.
        seen = self._seen[number % len(self._seen)]
        if name in self._sentences:
            return f"Number {number}: {seen}"
        words = seen.rstrip(".").split()
        return " ".join([str(number), *words[: min(most - 1, 3)]])

    def _count(self, schema: dict[str, Any]) -> int:
        """Elements of an array: within its bounds, else as the system message asks (``3 to 6 pairs``)."""
        least, most = schema.get("minItems"), schema.get("maxItems")
        if least is None and (asked := _COUNT.search(self._system)):
            least, most = int(asked[1]), int(asked[2] or asked[1])
        least = least if least is not None else 3
        most = max(least, most if most is not None else least)
        return int(least + self._number % (most - least + 1))

    def _write_question(self, index: int) -> str:
        place = ("near the front", "on the left", "further back", "on the right", "in the middle")[index % 5]
        return f"Which thing number {index + 1} stands {place}, and how does it look to you from here?"

    def write_answer(self, index: int) -> str:
        """Sentences about what is seen; with a reference to an id where the system message shows how."""
        start = self._number + index
        share = start % 997
        lead = f"One can tell, with a sure eye of {share} in a thousand, that this is so"
        if "](#" in self._system and self._ids:
            lead = (
                f"[It](#{self._ids[start % len(self._ids)]}) can be found here with a sure eye of {share} in a thousand"
            )
        sentences = [f"{lead}: {self._seen[start % len(self._seen)]}"]
        more = [self._seen[(start + step) % len(self._seen)] for step in range(1, min(3, len(self._seen)))]
        fillers = [_FILLERS[(start + step) % len(_FILLERS)] for step in range(len(_FILLERS))]
        words = len(sentences[0].split())
        for sentence in (*more, *fillers):
            if words >= _ENOUGH_WORDS:
                break
            sentences.append(sentence)
            words += len(sentence.split())
        return " ".join(sentences)
