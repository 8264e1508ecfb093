"""Several runs as one figure."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Figure:
    """The median of some runs, and how far they spread."""

    middle: float
    low: float
    high: float

    @staticmethod
    def of(values: Iterable[float]) -> "Figure":
        values = list(values)
        return Figure(median(values), min(values), max(values))
