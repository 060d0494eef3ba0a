"""Curator on the same endpoint, with the same prompts and replies, beside ``syphus generate``. Optional.

    python benchmarks/peers.py --install FOLDER     # makes a venv there with bespokelabs-curator (almost 1 GB), then measures
    python benchmarks/peers.py --python FOLDER/bin/python [--requests 2000] [--in-flight 256] [--repeats 3]

Curator's settings are those it does best with: its own limits out of the way, ``OPENAI_BASE_URL`` rather than ``base_url`` (which
makes it probe), telemetry off, a cache of its own for each run. It sends one request more than there are rows, to see the
endpoint's headers. Other peers were measured by hand: data-designer and distilabel need more than twice Curator's CPU.
"""

import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import workload

CURATOR = "bespokelabs-curator==0.1.31"


def run_inside(body_file: str, requests: int, in_flight: int) -> None:
    """Runs in Curator's own Python: one prompt a row, structured replies, rows of pairs in a dataset."""
    from bespokelabs import curator  # type: ignore[import-not-found] # noqa: PLC0415
    from pydantic import BaseModel  # noqa: PLC0415

    messages = json.loads(Path(body_file).read_text())["messages"]

    class Pair(BaseModel):
        question: str
        answer: str

    class Pairs(BaseModel):
        pairs: list[Pair]

    class Dialogues(curator.LLM):  # type: ignore[misc]
        response_format = Pairs

        def prompt(self, row: dict[str, str]) -> list[dict[str, str]]:
            *before, last = messages
            content = last["content"].replace(workload.NUMBER, row["number"])
            return [*before, {"role": "user", "content": content}]

        def parse(self, row: dict[str, str], response: Pairs) -> list[dict[str, str]]:
            return [
                {"number": row["number"], "question": pair.question, "answer": pair.answer} for pair in response.pairs
            ]

    model = Dialogues(
        model_name="gpt-4o-mini",  # structured replies are for names that it knows
        backend="openai",
        backend_params={
            "max_requests_per_minute": 100_000_000,
            "max_tokens_per_minute": 1_000_000_000_000,
            "max_concurrent_requests": in_flight,
        },
    )
    result = model([{"number": f"{number:07d}"} for number in range(1, requests + 1)])
    rows = len(getattr(result, "dataset", result))
    if rows != requests * workload.PAIRS:
        raise SystemExit(f"{rows} rows of {requests * workload.PAIRS}")


def curator_command(python: Path, body: Path, base_url: str, cache: Path, requests: int, in_flight: int) -> list[str]:
    """What measures Curator; it cannot start without tiktoken's tables, which litellm has with it."""
    tables = glob.glob(str(python.parent.parent / "lib*/python*/site-packages/litellm/litellm_core_utils/tokenizers"))  # noqa: PTH207
    settings = {
        "OPENAI_BASE_URL": base_url,
        "OPENAI_API_KEY": "unused",
        "TELEMETRY_ENABLED": "false",
        "CURATOR_CACHE_DIR": str(cache),
        "HF_HOME": str(cache / "hf"),
        "HF_HUB_OFFLINE": "1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "TIKTOKEN_CACHE_DIR": tables[0] if tables else "",
    }
    variables = [f"{name}={value}" for name, value in settings.items()]
    inside = ["--inside", str(body), "--requests", str(requests), "--in-flight", str(in_flight)]
    return ["env", *variables, str(python), str(Path(__file__).resolve()), *inside]


def install(folder: Path) -> Path:
    """A venv with Curator; returns its Python."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", CURATOR], check=True)
    return python.absolute()


def compare(python: Path, requests: int, in_flight: int, repeats: int) -> None:
    """Measures both, interleaved, and prints the medians as Markdown."""
    from endpoint import Endpoint  # noqa: PLC0415 - these are for the harness's Python alone
    from measure import Cost, measure, raise_file_limit  # noqa: PLC0415
    from rig import Bench, describe_machine, say  # noqa: PLC0415

    raise_file_limit()
    with tempfile.TemporaryDirectory(prefix="syphus-peers-") as name:
        folder = Path(name).resolve()
        (folder / "nginx").mkdir()
        with Endpoint(folder / "nginx", workload.reply_body()) as endpoint:
            bench = Bench(folder, endpoint, sizes=[requests], repeats=repeats, in_flight=in_flight)
            say(describe_machine(folder))
            bench.hear(1)
            runs: dict[tuple[str, int], list[Cost]] = {}
            for repeat in range(repeats):
                for size in (1, requests):
                    cache = folder / f"cache-{repeat}-{size}"
                    command = curator_command(python, bench.body, endpoint.base_url(50), cache, size, in_flight)
                    runs.setdefault(("curator", size), []).append(measure(command, endpoint, folder / "curator.txt"))
                    runs.setdefault(("syphus", size), []).append(bench.run_client("syphus", size, 50, in_flight))
                    say(f"repetition {repeat + 1}, {size} requests: done")
    print("| system | CPU-ms/request net | requests/s run phase | whole process | peak MB | start-up CPU s |")
    print("|---|---|---|---|---|---|")
    for system in ("curator", "syphus"):
        start = median(run.cpu for run in runs[system, 1])
        many = runs[system, requests]
        net = median(run.cpu - start for run in many) / (requests - 1) * 1000
        rate, whole = median(run.requests / run.span for run in many), median(requests / run.wall for run in many)
        memory = median(run.memory for run in many)
        print(f"| {system} | {net:.2f} | {rate:,.0f} | {whole:,.0f} | {memory:.0f} | {start:.2f} |")


def main() -> int:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--install", type=Path, metavar="FOLDER", help="make the venv there, unless it is there already"
    )
    parser.add_argument("--python", type=Path, help="a Python that has Curator")
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--inside", metavar="BODY", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        run_inside(arguments.inside, arguments.requests, arguments.in_flight)
        return 0
    if not (arguments.install or arguments.python):
        parser.error("--install FOLDER or --python FILE")
    if os.name != "posix":
        parser.error("measured on Linux only")
    python = install(arguments.install) if arguments.install else arguments.python.absolute()
    compare(python, arguments.requests, arguments.in_flight, arguments.repeats)
    return 0


if __name__ == "__main__":
    sys.exit(main())
