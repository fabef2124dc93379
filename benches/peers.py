#!/usr/bin/env python3
"""How many trials other tools need for the same needs, as their users would run them.

The requests are lines of a file; the oracle is a program that accepts what has all needed lines,
and counts. The needed sets are those of `cargo run --release --example search-table`, by the same
generator, so that the rows are about the same cases.

    apt-get install -y cvise
    python3.12 -m venv /tmp/peers && /tmp/peers/bin/pip install picire 'setuptools<81' lithium-reducer shrinkray
    python3 benches/peers.py /tmp/peers/bin

Python 3.12 or later is for Shrink Ray; without it its rows are left out. Two counts are given: the
trials until the tool had the minimum, and all that it made. Shrink Ray then goes on with the bytes
of the lines; it is stopped after ten minutes, and is asked on 60 lines only.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile

MASK = (1 << 64) - 1
RUNS = 3
LIMIT = 600  # seconds a case


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


def count(command, n, needed):
    """Runs a tool in a folder of its own.

    Returns how often it asked before it had the minimum (None if it never had it) and how often in all.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "input")
        with open(path, "w") as file:
            file.writelines(f"CONFIG_X{i}=y\n" for i in range(n))
        asked = os.path.join(folder, "asked")
        oracle = os.path.join(folder, "oracle")
        with open(os.path.join(folder, "needed"), "w") as file:
            file.writelines(f"CONFIG_X{i}=y\n" for i in sorted(needed))
        with open(oracle, "w") as file:
            # One byte a question, another when the minimum is accepted. All lines that are needed
            # must be there, each by itself (Shrink Ray also copies lines), and nothing else is asked.
            # C-Vise gives the file as `input` in the working directory.
            file.write(
                f"#!/bin/sh\nprintf . >>{asked}\nfile=${{1:-input}}\n"
                f'[ "$(grep -xFf {folder}/needed "$file" | sort -u | wc -l)" = {len(needed)} ] || exit 1\n'
                f'[ "$(grep -c "" "$file")" != {len(needed)} ] || printf ! >>{asked}\n'
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
        with subprocess.Popen(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        ) as child:
            try:
                child.wait(timeout=LIMIT)
            except subprocess.TimeoutExpired:
                # Asked to stop, it puts its files away.
                os.killpg(child.pid, signal.SIGINT)
                try:
                    child.wait(timeout=30)
                except subprocess.TimeoutExpired:
                    os.killpg(child.pid, signal.SIGKILL)
        with open(asked) as file:
            marks = file.read()
        before, found, _ = marks.partition("!")
        return len(before) if found else None, marks.count(".")


TOOLS = {
    "picire": ["picire", "-i", "{path}", "--test", "{oracle}", "-o", "{folder}/x.out"],
    "picire, complements first": [
        "picire", "-i", "{path}", "--test", "{oracle}", "--complement-first", "-o", "{folder}/x.out",
    ],
    "lithium": ["lithium", "{folder}/ask.py", "{path}"],
    "cvise": ["cvise", "--n", "1", "--not-c", "--pass-group", "delta", "{oracle}", "input"],
    "shrinkray": [
        "shrinkray", "--ui", "basic", "--parallelism", "1", "--input-type", "arg",
        "--timeout", "0", "{oracle}", "{path}",
    ],
}


def main():
    print("    n    k  layout     tool                        found  trials")
    for n, k in [(60, 11), (520, 30), (520, 60)]:
        for layout in ["scattered", "clustered"]:
            for tool, command in TOOLS.items():
                if not shutil.which(command[0], path=sys.argv[1] + os.pathsep + os.environ["PATH"]):
                    continue
                if tool == "shrinkray" and n > 60:
                    continue
                found, trials = [], []
                for seed in range(RUNS):
                    rng = Rng(seed)
                    needed = (
                        scattered(n, k, rng) if layout == "scattered" else clustered(n, k, 5, rng)
                    )
                    first, asked = count(command, n, needed)
                    found.append(first)
                    trials.append(asked)
                mean = "-" if None in found else f"{sum(found) / RUNS:.0f}"
                print(
                    f"{n:5} {k:4}  {layout:10} {tool:26} {mean:>6} {sum(trials) / RUNS:7.0f}",
                    flush=True,
                )


if __name__ == "__main__":
    if len(sys.argv) != 2 or not shutil.which("picire", path=sys.argv[1]):
        sys.exit(__doc__)
    main()
