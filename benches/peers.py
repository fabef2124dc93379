#!/usr/bin/env python3
"""How many trials other tools need for the same needs, as their users would run them.

The requests are lines of a file; the oracle is a program that accepts what has all needed lines,
and counts. The needed sets are those of `cargo run --release --example search-table`, by the same
generator, so that the rows are about the same cases.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install picire lithium-reducer
    python3 benches/peers.py /tmp/peers/bin
"""

import os
import shutil
import subprocess
import sys
import tempfile

MASK = (1 << 64) - 1
RUNS = 3


class Rng:
    """SplitMix64, as in src/search/sim.rs."""

    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return (z ^ (z >> 31)) % n


def scattered(n, k, rng):
    needed = set()
    while len(needed) < k:
        needed.add(rng.below(n))
    return needed


def clustered(n, k, run, rng):
    needed = set()
    while len(needed) < k:
        first = rng.below(n)
        for i in range(first, min(first + run, n)):
            if len(needed) < k:
                needed.add(i)
    return needed


def count(tool, command, n, needed):
    """Runs a tool in a folder of its own; returns how often it asked, and how many lines are left."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "input")
        with open(path, "w") as file:
            file.writelines(f"CONFIG_X{i}=y\n" for i in range(n))
        asked = os.path.join(folder, "asked")
        oracle = os.path.join(folder, "oracle")
        with open(os.path.join(folder, "needed"), "w") as file:
            file.writelines(f"CONFIG_X{i}=y\n" for i in sorted(needed))
        with open(oracle, "w") as file:
            # One byte a question. All lines that are needed must be there, and nothing else asked.
            file.write(
                f"#!/bin/sh\nprintf . >>{asked}\n"
                f"[ $(grep -cxFf {folder}/needed \"${{1:-/dev/stdin}}\") = {len(needed)} ]\n"
            )
        os.chmod(oracle, 0o755)
        # Lithium's way to ask a program.
        with open(os.path.join(folder, "ask.py"), "w") as file:
            file.write(
                "import subprocess\n"
                f"def interesting(args, prefix):\n    return subprocess.call(['{oracle}', args[0]]) == 0\n"
            )
        env = dict(os.environ, PATH=sys.argv[1] + os.pathsep + os.environ["PATH"])
        command = [word.format(path=path, oracle=oracle, folder=folder) for word in command]
        subprocess.run(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=3600, check=False,
        )
        result = path
        for root, _, files in os.walk(folder):
            if tool.startswith("picire") and root.endswith(".out") and "input" in files:
                result = os.path.join(root, "input")
        with open(result) as file:
            left = sum(1 for _ in file)
        return os.path.getsize(asked), left


TOOLS = {
    "picire": ["picire", "-i", "{path}", "--test", "{oracle}", "-o", "{folder}/x.out"],
    "picire, complements first": [
        "picire", "-i", "{path}", "--test", "{oracle}", "--complement-first", "-o", "{folder}/x.out",
    ],
    "lithium": ["lithium", "{folder}/ask.py", "{path}"],
}


def main():
    print("    n    k  layout     tool                        trials  left")
    for n, k in [(60, 11), (520, 30), (520, 60)]:
        for layout in ["scattered", "clustered"]:
            for tool, command in TOOLS.items():
                trials, left = 0, 0
                for seed in range(RUNS):
                    rng = Rng(seed)
                    needed = (
                        scattered(n, k, rng) if layout == "scattered" else clustered(n, k, 5, rng)
                    )
                    asked, lines = count(tool, command, n, needed)
                    trials += asked
                    left += lines
                print(
                    f"{n:5} {k:4}  {layout:10} {tool:26} {trials / RUNS:7.0f} {left / RUNS:5.0f}",
                    flush=True,
                )


if __name__ == "__main__":
    if len(sys.argv) != 2 or not shutil.which("picire", path=sys.argv[1]):
        sys.exit(__doc__)
    main()
