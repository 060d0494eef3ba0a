"""A tokenizer of single bytes and the processor of LLaVA-1.5 around it: no weights, no download, and nothing is lost.

A text becomes its UTF-8 bytes, so that what comes out of a trainer's dataset can be read back letter by letter. It runs in
the consumer's environment, and imports nothing of syphus.
"""

from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import CLIPImageProcessor, PreTrainedTokenizerFast

SPECIALS = ("<unk>", "<s>", "</s>", "<pad>", "<image>")
SIDE, PATCH = 224, 14
PICTURE_TOKENS = (SIDE // PATCH) ** 2
"""256 tokens a picture."""
TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }}: {% if m['content'] is string %}{{ m['content'] }}{% else %}"
    "{% for part in m['content'] %}{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}{% if m['role'] == 'assistant' %}</s>{% endif %}\n{% endfor %}"
)


def make_tokenizer(more: tuple[str, ...] = (), *, line_end: int | None = None) -> Any:
    """A fast tokenizer of bytes; ``<image>``, the control tokens, and ``more`` are one token each.

    Args:
        more: further control tokens.
        line_end: the number that the line end must have; None: any.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    specials = [*SPECIALS, *more]
    vocabulary = {token: number for number, token in enumerate([*specials, *alphabet])}
    if line_end is not None:
        there = next(token for token, number in vocabulary.items() if number == line_end)
        vocabulary[there], vocabulary["\u010a"] = vocabulary["\u010a"], line_end
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in specials])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        clean_up_tokenization_spaces=False,
        model_max_length=1 << 20,
    )
    fast.chat_template = TEMPLATE
    return fast


def make_image_processor() -> Any:
    """CLIP's, for 224 x 224 pixels."""
    size = {"height": SIDE, "width": SIDE}
    return CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size=size)


def make_processor() -> Any:
    """LLaVA-1.5's processor: 256 ``<image>`` for each picture."""
    from transformers import LlavaProcessor  # noqa: PLC0415 - LLaVA's own environment has none

    return LlavaProcessor(
        image_processor=make_image_processor(),
        tokenizer=make_tokenizer(),
        patch_size=PATCH,
        vision_feature_select_strategy="full",
        num_additional_image_tokens=0,
        chat_template=TEMPLATE,
        image_token="<image>",
    )


def describe(tokenizer: Any, input_ids: list[int], labels: list[int] | None, images: list[str]) -> dict[str, Any]:
    """A row as the trainer has it: its text with one ``<image>`` for each run of them, and what is learned.

    ``learned`` are the stretches of the labels that are not masked, each without its end token.
    """
    image = tokenizer.convert_tokens_to_ids("<image>")
    count = sum(token == image for token in input_ids)
    read: list[int] = []
    run = 0
    for token in input_ids:
        run = run + 1 if token == image else 0
        if token != image or run % PICTURE_TOKENS == 1:
            read.append(token)
    stretches: list[list[int]] = []
    for number, label in enumerate(labels or []):
        if label < 0:
            continue
        if number == 0 or labels[number - 1] < 0:  # type: ignore[index] - not None in this loop
            stretches.append([])
        stretches[-1].append(label)
    return {
        "images": images,
        "image_tokens": count,
        "read": tokenizer.decode(read, skip_special_tokens=False, clean_up_tokenization_spaces=False),
        "learned": None
        if labels is None
        else [
            tokenizer.decode(part, skip_special_tokens=False, clean_up_tokenization_spaces=False).strip()
            for part in stretches
        ],
    }
