"""Budgets: the limits of ``budgets.toml`` and what it means to keep within one."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path

import msgspec

from engine.errors import ConfigError


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The limit of one figure.

    Parameters
    ----------
    max, min : float, optional
        Exactly one: at most, or at least, in the figure's unit.
    absolute, relative : float
        What is granted beyond the limit, for noise: ``max(absolute, relative * |limit|)``.
    """

    max: float | None = None
    min: float | None = None
    absolute: float = 0.0
    relative: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no limit."""
        if (self.max is None) == (self.min is None):
            raise ValueError("Expected exactly one of `max` and `min`")
        if self.absolute < 0 or self.relative < 0:
            raise ValueError("Expected tolerances of at least 0")

    def allows(self, value: float) -> bool:
        """Whether a value keeps within the budget; NaN never does."""
        if math.isnan(value):
            return False
        if self.max is not None:
            return value <= self.max + self._tolerance(self.max)
        assert self.min is not None
        return value >= self.min - self._tolerance(self.min)

    def _tolerance(self, limit: float) -> float:
        return max(self.absolute, self.relative * abs(limit))


def load_budgets(path: Path) -> dict[str, Budget]:
    """Read the budgets by figure id.

    Raises
    ------
    ConfigError
        Unreadable, no TOML, an unknown key or an impossible limit; names file and key.
    """
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), dict[str, Budget])
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{path}: {error}") from error
