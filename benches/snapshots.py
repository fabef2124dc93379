#!/usr/bin/env python3
"""What keeping all trees that were ever built would save: benches/snapshots.py RUN...

For each trial of recorded runs on the EC2 set (folders that kbisect made): how many objects of those
that were made before come from the cache, because the tree in which the trial was built does not have
them, if that is a copy of the best (as kbisect does it), and if it is a copy of whatever tree of the
run is nearest. What was never made must be compiled in either. With benches/objects/ec2.json: which
objects each request touches, and what they take.
"""

import json
import sys
from pathlib import Path

# Seconds of CPU time for an object that comes from the cache: make, its shell and the launcher.
CACHED = 0.04

known = json.loads((Path(__file__).parent / "objects/ec2.json").read_text())
names = [name.split("=")[0] for name in known["names"]]
ms = known["ms"]


def by_object(sets):
    """Of each object: the requests in whose set it is."""
    requests = [set() for _ in ms]
    for request, digits in enumerate(sets):
        bits = int(digits, 16)
        for at, of in enumerate(requests):
            if bits >> at & 1:
                of.add(request)
    return requests


touch, gone = by_object(known["touched"]), by_object(known["gone"])


def subset(text):
    """The numbers in a set as the journal has it."""
    n, digits = text.split(":")
    data = bytes.fromhex(digits)
    return [at for at in range(int(n)) if data[at // 8] >> at % 8 & 1]


def tree(kept):
    """What a tree has: each object with the requests that it was made with."""
    off = set(range(len(names))) - kept
    return {at: frozenset(touch[at] & kept) for at in range(len(ms)) if not gone[at] & off}


def compare(folder):
    requests = json.loads((folder / "run.json").read_text())["requests"]
    number = [names.index(request["symbol"]) for request in requests]
    full = tree(set(range(len(names))))
    made, trees, best, candidates = set(full.items()), [full], full, {}
    trials = from_best = from_nearest = 0
    compiled = 0.0
    for line in (folder / "journal.jsonl").read_text().splitlines():
        record = json.loads(line)
        kind = record["record"]
        if kind == "proposed":
            candidate = record["candidate"]
            candidates[candidate["id"]] = {number[i] for i in subset(candidate["keep"])}
        elif kind == "best":
            best = tree({number[i] for i in subset(record["keep"])})
        elif kind == "began" and record["candidate"] is not None:
            wanted = tree(candidates[record["candidate"]])

            def cached(begun):
                return sum(begun.get(at) != on and (at, on) in made for at, on in wanted.items())

            trials += 1
            from_best += cached(best)
            from_nearest += min(cached(begun) for begun in trees)
            compiled += sum(ms[at] for at, on in wanted.items() if (at, on) not in made) / 1000
            made |= set(wanted.items())
            trees.append(wanted)
    saved = (from_best - from_nearest) * CACHED
    print(f"| {folder.name} | {trials} | {compiled:.0f} s | {from_best} | {from_nearest} | {saved:.1f} s |")


print("| run | trials | compiling | cached, from the best | from the nearest | saved |")
print("| --- | --- | --- | --- | --- | --- |")
for argument in sys.argv[1:]:
    compare(Path(argument))
