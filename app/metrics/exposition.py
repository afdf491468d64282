"""The text format of Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Family:
    """A metric: its samples by (suffix of the name, labels)."""

    name: str
    kind: str
    meaning: str
    samples: Mapping[tuple[str, Labels], float] = field(default_factory=dict)


def family(name: str, kind: str, meaning: str, value: float, **labels: str) -> Family:
    """Return a metric with one sample."""
    return Family(name, kind, meaning, {("", tuple(labels.items())): value})


def family_by(
    name: str, kind: str, meaning: str, label: str, values: Mapping[str, float]
) -> Family:
    """Return a metric with a sample for each value of a label."""
    return Family(
        name, kind, meaning, {("", ((label, key),)): each for key, each in values.items()}
    )


def exposition(families: Iterable[Family]) -> str:
    lines = []
    for each in families:
        lines.append(f"# HELP {each.name} {each.meaning}")
        lines.append(f"# TYPE {each.name} {each.kind}")
        for (suffix, labels), value in each.samples.items():
            lines.append(f"{each.name}{suffix}{_labels(labels)} {_number(value)}")
    return "\n".join(lines) + "\n"


def _labels(labels: Labels) -> str:
    text = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{text}}}" if text else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else repr(value)
