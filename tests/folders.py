"""Category folders for tests, written out as a user would write them."""

import json
from pathlib import Path

from syphus.categories.category import Category
from syphus.categories.load import Library, load_category

PAIRS = """
ability = "perception"

[[steps]]
kind = "chat"
name = "talk"
pairs = [1, 3]

[dialogue]
pairs = "talk"
"""
"""One chat step that replies with pairs."""

CHAIN = """
ability = "reasoning"

[[steps]]
kind = "template"
name = "style"
text = "{{lists.styles}}"

[[steps]]
kind = "chat"
name = "plan"
fields = ["focus", "idea"]
system = "plan.md"
query = "plan-query.md"

[[steps]]
kind = "chat"
name = "write"
fields = ["question", "answer"]

[dialogue]
user = "{{write.question}}"
assistant = "{{write.answer}}"
"""
"""template -> chat -> chat, each reading what came before."""

CHAIN_FILES = {
    "plan.md": "You plan.",
    "plan-query.md": "In the style of {{style.text}}.",
    "system.md": "You write.",
    "query.md": "About {{plan.focus}} ({{plan.idea}}), {{style.text}}.",
    "lists/styles.txt": "# how\nplain\nrich\nterse\n",
}

SCENE = {"id": "demo", "captions": [{"text": "A demonstration dog."}]}
REPLY = {"pairs": [{"question": "What is there?", "answer": "A dog."}]}
CHAIN_REPLIES = {
    "plan": {"focus": "the dog", "idea": "sleep"},
    "write": {"question": "What does it do?", "answer": "It sleeps."},
}


def demonstration(reply=None, *, replies=None, **scene):
    return {
        "scene": {**SCENE, **scene},
        **({"reply": reply} if reply else {}),
        **({"replies": replies} if replies else {}),
    }


def write_category(project: Path, name="mine/test", toml=PAIRS, files=None, demonstrations=(), prompts=None) -> Path:
    """The category's folder in ``project``; ``files`` in the place of a system message, or with it."""
    folder = project / "seeds" / name
    texts = {"system.md": "You talk about pictures.", **(files or {})}
    texts |= {f"demonstrations/{index}.json": json.dumps(one, indent=1) for index, one in enumerate(demonstrations)}
    for file, text in {"category.toml": toml, **texts}.items():
        if text is not None:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text, encoding="utf-8")
    for file, text in (prompts or {}).items():
        (project / "prompts").mkdir(exist_ok=True)
        (project / "prompts" / file).write_text(text, encoding="utf-8")
    return folder


def make_category(project: Path, name="mine/test", **kwargs) -> Category:
    write_category(project, name, **kwargs)
    return load_category(name, Library.at(project))
