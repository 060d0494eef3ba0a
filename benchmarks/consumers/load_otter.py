"""Loads the files with Otter's own ``MimicitDataset``: ``load_otter.py FOLDER CHECKOUT``, in an environment of its own.

The groups of a YAML are taken as ``get_mimicit_dataset`` takes them: one dataset of each, from which batches are drawn.
"""

import json
import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch
import toy
from PIL import Image


class Resize:
    """Stands in for torchvision's, as do the two below: 200 MB for three lines."""

    def __init__(self, size: tuple[int, int], interpolation: Any) -> None:
        self.size, self.interpolation = size, interpolation

    def __call__(self, picture: Image.Image) -> Image.Image:
        """The picture at that size."""
        return picture.resize(self.size, self.interpolation)


class ToTensor:
    """Channels first, from 0 to 1."""

    def __call__(self, picture: Image.Image) -> torch.Tensor:
        """The picture as a tensor."""
        return torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1) / 255


class Normalize:
    """By mean and deviation of each channel."""

    def __init__(self, mean: list[float], std: list[float]) -> None:
        self.mean, self.std = torch.tensor(mean)[:, None, None], torch.tensor(std)[:, None, None]

    def __call__(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor, normalized."""
        return (tensor - self.mean) / self.std


class Compose:
    """One after the other."""

    def __init__(self, steps: list[Any]) -> None:
        self.steps = steps

    def __call__(self, value: Any) -> Any:
        """What the last step makes of it."""
        for step in self.steps:
            value = step(value)
        return value


def stand_in() -> None:
    """Puts stand-ins where torchvision and wandb are not installed."""
    transforms = ModuleType("torchvision.transforms")
    modes = SimpleNamespace(BICUBIC=Image.Resampling.BICUBIC)
    vars(transforms).update(
        Resize=Resize, ToTensor=ToTensor, Normalize=Normalize, Compose=Compose, InterpolationMode=modes
    )
    torchvision = ModuleType("torchvision")
    torchvision.transforms = transforms  # type: ignore[attr-defined]
    sys.modules |= {"torchvision": torchvision, "torchvision.transforms": transforms, "wandb": ModuleType("wandb")}


def main(folder: Path, code: Path) -> None:
    """Loads the YAMLs of the file that ``expected.json`` names, and writes ``result.json``."""
    stand_in()
    sys.path.insert(0, str(code))
    from pipeline.mimicit_utils.mimicit_dataset import MimicitDataset  # noqa: PLC0415 - it needs the stand-ins

    given = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    os.chdir(folder)  # the YAML's paths are relative to where the training is started
    result: dict[str, Any] = {"picture_tokens": 1, "files": {}, "bad": {}}
    for name in given["files"]:
        plans = sorted(Path().glob(f"{name.removesuffix('_instructions.json')}*.yaml"))
        rows = [row for plan in plans for row in load(plan, MimicitDataset)]
        result["files"][name] = {"rows": rows}
    Path("result.json").write_text(json.dumps(result), encoding="utf-8")


def load(plan: Path, dataset_class: Any) -> list[dict[str, Any]]:
    """The rows of a YAML, each as it is trained; batches of eight are drawn at random from each group, too."""
    import yaml  # noqa: PLC0415 - other loaders take the stand-ins alone

    rows = []
    for group, infos in yaml.safe_load(plan.read_text(encoding="utf-8")).items():
        arguments = SimpleNamespace(
            tokenizer=toy.make_tokenizer(),
            seed=0,
            patch_image_size=224,
            max_seq_len=1 << 16,
            instruction_format="simple",
            resample_frames=8,
            model_name="otter",
            populate_rel_ins=False,
            rank=0,
        )
        dataset = dataset_class(arguments, infos, task_group=group)
        rows += [describe(dataset, number, group) for number in range(len(dataset))]
        sampler = torch.utils.data.RandomSampler(dataset, replacement=True, num_samples=len(dataset))
        for batch in torch.utils.data.DataLoader(dataset, sampler=sampler, batch_size=8, collate_fn=dataset.collate):
            print(group, tuple(batch["net_input"]["patch_images"].shape))
    return rows


def describe(dataset: Any, number: int, group: str) -> dict[str, Any]:
    """The last pair of a row, which is the entry's own, with an ``<image>`` for each of its pictures."""
    sample = dataset[number]
    entry = dataset.dataset[sample["id"]]
    pairs = sample["full_text"].split("<|endofchunk|>")[:-1]
    context = dataset.train_config[sample["id"]]
    if len(pairs) != 1 + len(context):
        raise ValueError(f"{sample['id']}: {len(pairs)} pairs, and a context of {len(context)}")
    if sample["full_text"].count("<image>") != (group != "TEXT_ONLY"):
        raise ValueError(f"{sample['id']}: {sample['full_text']!r}")
    count = len(sample["patch_images"]) if group != "TEXT_ONLY" else 0
    if count != len(entry["image_ids"]):
        raise ValueError(f"{sample['id']}: {count} pictures, and {len(entry['image_ids'])} are named")
    said, answer = pairs[-1].removeprefix("<image>").removeprefix("User:").split(" GPT:<answer>")
    return {
        "id": sample["id"],
        "images": [name.rpartition("_IMG_")[2] + ".jpg" for name in entry["image_ids"]],
        "image_tokens": count,
        "read": "<image>" * count + said + "\n" + answer,
        "learned": [answer],
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
