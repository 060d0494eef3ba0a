"""The dataset card: a README for people, with the front matter that the Hugging Face Hub reads.

It says what is in an export and where it comes from, and holds no key and no path of the machine that made it.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct, field

from syphus.files import write_whole
from syphus.records import Dialogue

UNKNOWN = "not said"

_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
_CREATIVE = re.compile(r"creativecommons\.org/licenses/(?P<kind>[a-z-]+)/(?P<version>\d\.\d)", re.IGNORECASE)
_SHORT = re.compile(r"^cc[ -](?P<kind>by(?:-(?:nc|sa|nd))*)[ -](?P<version>\d\.\d)$", re.IGNORECASE)
_OTHER_LICENSES = {"apache-2.0", "mit", "cc0-1.0", "odbl", "bsd", "openrail", "gpl-3.0"}
_PUBLIC = re.compile(r"creativecommons\.org/publicdomain/zero|^cc0\b", re.IGNORECASE)
_PATH = re.compile(r"(?<![\w.:/\\-])(?:[A-Za-z]:[\\/]|~?/)(?:[^\s/\\|`]+[\\/])+(?P<last>[^\s/\\|`]*)")
_SECRET = re.compile(r"\b(?:sk|rk|pk|hf|gsk|ghp|xai)[-_][A-Za-z0-9_-]{8,}|\bAIza[A-Za-z0-9_-]{20,}|\bBearer\s+\S+")


class CardFacts(Struct, kw_only=True):
    """What a card says. All counts are of what was written."""

    name: str = "dataset"
    format: str = ""
    files: tuple[str, ...] = ()
    """Their names; of paths only the last part is shown."""
    dialogues: int = 0
    pairs: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    licenses: Counter[str] = field(default_factory=Counter)
    """Of the pictures and videos, as the annotations have them -> how many dialogues show one."""
    categories: Counter[str] = field(default_factory=Counter)
    abilities: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    media: Counter[str] = field(default_factory=Counter)
    """``1 picture``, ``2 pictures``, ``text alone`` -> dialogues."""
    models: Counter[str] = field(default_factory=Counter)
    prompts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(category, fingerprint of its folder and the shared prompts) -> dialogues."""
    remarks: Counter[str] = field(default_factory=Counter)
    """What checks said of dialogues that were kept -> how often."""
    refused: Mapping[str, int] = {}
    """What checks refused, and the reason -> how often."""
    left_out: Mapping[str, int] = {}
    """Why dialogues of the run are not in this file."""
    boxes: str = ""
    """The convention in which coordinates stand in the texts."""
    calls: int | None = None
    dollars: float | None = None
    """What the run has cost, with calls that may have been billed."""
    unpriced: int = 0
    """Calls whose price is not known."""
    seed: int | None = None
    version: str = ""
    """Of syphus."""
    notes: tuple[str, ...] = ()


class CardTally:
    """Counts dialogues while they stream to a format.

    Put :meth:`count` around the dialogues and :meth:`leave_out` into ``ExportOptions.keep_aside``; what the format leaves out
    is then not counted.
    """

    def __init__(self) -> None:
        self._facts = CardFacts()

    def count(self, dialogues: Iterable[Dialogue]) -> Iterator[Dialogue]:
        """The same dialogues."""
        for dialogue in dialogues:
            self._change(dialogue, 1)
            yield dialogue

    def leave_out(self, dialogue: Dialogue, reason: str) -> None:  # noqa: ARG002 - the contract of `keep_aside`
        """Takes a dialogue back that was not written."""
        self._change(dialogue, -1)

    def _change(self, dialogue: Dialogue, by: int) -> None:
        facts = self._facts
        facts.dialogues += by
        facts.pairs += by * (len(dialogue.turns) // 2)
        facts.sources[dialogue.source or UNKNOWN] += by
        facts.categories[dialogue.category or UNKNOWN] += by
        facts.abilities[dialogue.ability] += by
        facts.languages[dialogue.language or UNKNOWN] += by
        facts.media[_describe_media(dialogue)] += by
        for license_ in {asset.license or UNKNOWN for asset in dialogue.assets}:
            facts.licenses[license_] += by
        if dialogue.provenance.model:
            facts.models[dialogue.provenance.model] += by
        if dialogue.provenance.category:
            facts.prompts[dialogue.category, dialogue.provenance.category] += by
        for verdict in dialogue.verdicts:
            facts.remarks[f"{verdict.check}: {verdict.code}"] += by

    def take(self, **more: Any) -> CardFacts:
        """The facts so far, with what is known besides (``name``, ``format``, ``refused``, ``dollars`` ...)."""
        counted = {
            name: Counter({key: count for key, count in value.items() if count > 0})
            for name in CardFacts.__struct_fields__
            if isinstance(value := getattr(self._facts, name), Counter)
        }
        return CardFacts(**({"dialogues": self._facts.dialogues, "pairs": self._facts.pairs} | counted | more))


def _describe_media(dialogue: Dialogue) -> str:
    kinds = Counter(asset.kind for asset in dialogue.assets)
    names = {"image": "picture", "video": "video", "frames": "clip in frames", "point_cloud": "point cloud"}
    parts = [f"{count} {names[kind]}{'s' if count > 1 and kind != 'frames' else ''}" for kind, count in kinds.items()]
    return " and ".join(parts) or "text alone"


def write_card(facts: CardFacts, target: Path) -> Path:
    """Writes the card beside an export, and gives its path: ``train.card.md``, or ``README.md`` in the folder that it is.

    Raises:
        InputError: it cannot be written.
    """
    path = target / "README.md" if target.is_dir() else target.with_name(f"{target.stem}.card.md")
    with write_whole(path) as file:
        file.write(render_card(facts).encode("utf-8", "replace"))
    return path


def render_card(facts: CardFacts) -> str:
    """The card: front matter in YAML, then Markdown. The same facts make the same text."""
    parts = [
        f"# {_clean(facts.name)}",
        _introduce(facts),
        _table("Sources", ("source", "dialogues"), facts.sources),
        _table("Licences of the pictures", ("licence", "dialogues"), facts.licenses),
        _explain_licenses(facts),
        _table("What it is about", ("media", "dialogues"), facts.media),
        _table("Categories", ("category", "dialogues"), facts.categories),
        _table("Abilities", ("ability", "dialogues"), facts.abilities),
        _table("Languages", ("language", "dialogues"), facts.languages),
        _table("Models", ("model", "dialogues"), facts.models),
        _table_of(
            "Prompts",
            ("category", "fingerprint of its folder and the shared prompts", "dialogues"),
            [(category, print_, count) for (category, print_), count in _sort(facts.prompts)],
        ),
        _table("What the checks refused", ("check and reason", "pairs"), facts.refused),
        _table("What they remarked of dialogues that were kept", ("check and remark", "times"), facts.remarks),
        _table("Left out of this file", ("reason", "dialogues"), facts.left_out),
        _tell_cost(facts),
        "".join(f"- {_clean(note)}\n" for note in facts.notes).strip(),
    ]
    return f"---\n{_front_matter(facts)}---\n\n" + "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(facts: CardFacts) -> str:
    matter: dict[str, Any] = {"pretty_name": _clean(facts.name)}
    # The Hub takes ISO 639 codes alone.
    languages = sorted({code.partition("-")[0].lower() for code in facts.languages})
    languages = [code for code in languages if re.fullmatch(r"[a-z]{2,3}", code)]
    if languages:
        matter["language"] = languages
    known = {_find_license(name) for name in facts.licenses}
    if len(known) == 1 and (only := known.pop()):
        matter["license"] = only
    elif any(name != UNKNOWN for name in facts.licenses):
        matter |= {"license": "other", "license_name": "several", "license_link": "LICENSE"}
    pictures = any(name != "text alone" for name in facts.media)
    matter["task_categories"] = ["image-text-to-text", "visual-question-answering"] if pictures else ["text-generation"]
    matter["size_categories"] = [next((name for limit, name in _SIZES if facts.dialogues < limit), "n>10M")]
    matter["tags"] = ["instruction-tuning", "synthetic", "syphus"] if facts.models else ["instruction-tuning", "syphus"]
    data = [
        name for name in map(_last_part, facts.files) if name.endswith((".parquet", ".jsonl", ".json", ".csv", ".tar"))
    ]
    if data and facts.format in ("parquet", "webdataset", "messages", "trl"):
        matter["configs"] = [{"config_name": "default", "data_files": data}]
    return yaml.safe_dump(matter, sort_keys=False, allow_unicode=True)


def _find_license(text: str) -> str:
    """The Hub's identifier of a licence; empty where it has none."""
    if _PUBLIC.search(text):
        return "cc0-1.0"
    found = _CREATIVE.search(text) or _SHORT.match(text.strip())
    if found:
        return f"cc-{found['kind'].lower()}-{found['version']}"
    return text.strip().lower() if text.strip().lower() in _OTHER_LICENSES else ""


def _introduce(facts: CardFacts) -> str:
    made = f", written by syphus {facts.version}" if facts.version else ""
    form = f", in the format `{facts.format}`" if facts.format else ""
    text = f"{facts.dialogues:,} dialogues with {facts.pairs:,} questions and answers{form}{made}."
    if facts.files:
        text += " Files: " + ", ".join(f"`{_last_part(name)}`" for name in facts.files) + "."
    if facts.boxes:
        text += f" Coordinates in the texts are in the convention `{facts.boxes}`."
    if facts.seed is not None:
        text += f" Seed: {facts.seed}."
    return text


def _explain_licenses(facts: CardFacts) -> str:
    if facts.licenses.get(UNKNOWN):
        return (
            f"Of {facts.licenses[UNKNOWN]:,} dialogues the annotations do not say what licence their pictures have: it is that "
            "of the source."
        )
    return ""


def _tell_cost(facts: CardFacts) -> str:
    if facts.dollars is None and facts.calls is None:
        return ""
    parts = [f"{facts.calls:,} calls" if facts.calls is not None else "", ""]
    if facts.dollars is not None:
        parts[1] = f"${facts.dollars:,.2f}" if facts.dollars >= 0.01 or not facts.dollars else f"${facts.dollars:.4f}"
    unpriced = f" The price of {facts.unpriced:,} calls is not known." if facts.unpriced else ""
    return "## Cost\n\nThe run, whole: " + ", ".join(part for part in parts if part) + "." + unpriced


def _sort(counts: Mapping[Any, int]) -> list[tuple[Any, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _table(title: str, head: tuple[str, ...], counts: Mapping[str, int]) -> str:
    return _table_of(title, head, _sort(counts))


def _table_of(title: str, head: tuple[str, ...], rows: list[Any]) -> str:
    if not rows:
        return ""
    lines = [f"## {title}", "", f"| {' | '.join(head)} |", "|" + " --- |" * (len(head) - 1) + " ---: |"]
    show: Callable[[Any], str] = lambda cell: f"{cell:,}" if isinstance(cell, int) else _clean(cell)  # noqa: E731
    lines += [f"| {' | '.join(map(show, row))} |" for row in rows]
    return "\n".join(lines)


def _clean(text: str) -> str:
    """One line that breaks no table, with the last part of absolute paths, and without what looks like a key."""
    text = _SECRET.sub("[a key]", " ".join(text.split()))
    return _PATH.sub(lambda found: found["last"] or "[a folder]", text).replace("|", "\\|")


def _last_part(path: str) -> str:
    return _clean(path.replace("\\", "/").rstrip("/").rpartition("/")[2])
