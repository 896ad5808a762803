"""Prints the scalars of an arm's log as the package `tensorboard` reads them.

pip install tensorboard; python tensorboard.py FOLDER-OF-AN-ARM

With metrics.jsonl beside the log, the numbers of both are compared, too: they differ by no more than f32 does.
"""

import json
import pathlib
import sys

# This file has the package's name, and Python would find it first.
sys.path.pop(0)

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

folder = pathlib.Path(sys.argv[1])
log = EventAccumulator(str(folder)).Reload()
scalars = {tag: {event.step: event.value for event in log.Scalars(tag)} for tag in sorted(log.Tags()["scalars"])}
for tag, values in scalars.items():
    assert len(values) == len(log.Scalars(tag)), f"{tag}: a step stands twice"
    print(tag, " ".join(f"{step}:{value:.6g}" for step, value in values.items()))

names = {
    "train/loss": ["loss"],
    "train/cross_entropy": ["cross_entropy"],
    "train/divergence": ["divergence"],
    "train/gradient_length": ["gradient"],
    "train/learning_rate": ["learning_rate"],
    "held_out/kl_divergence": ["held_out", "kl_divergence", "value"],
    "held_out/kl_divergence_low": ["held_out", "kl_divergence", "interval", "low"],
    "held_out/kl_divergence_high": ["held_out", "kl_divergence", "interval", "high"],
    "held_out/cross_entropy": ["held_out", "cross_entropy"],
}
compared = 0
for line in map(json.loads, (folder / "metrics.jsonl").read_text().splitlines()):
    for tag, path in names.items():
        number = line
        for key in path:
            number = (number or {}).get(key)
        assert (number is None) == (line["step"] not in scalars.get(tag, {})), (tag, line["step"])
        if number is not None:
            assert abs(scalars[tag][line["step"]] - number) <= 1e-6 * abs(number), (tag, line["step"])
            compared += 1
print(f"{compared} numbers as in metrics.jsonl")
