"""Exact numbers until the one rounding, and whole points laid over lines (DOMAIN 3.3)."""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

HALF = Fraction(1, 2)


def split(total: int, weights: Sequence[Fraction | int]) -> list[int]:
    """A whole number laid over weights by largest remainder: exact sum, earlier lines first among equals.

    Where nothing weighs anything, the first line takes it all.
    """
    if not weights:
        return []
    whole = sum(weights)
    if not whole:
        return [total] + [0] * (len(weights) - 1)
    exact = [Fraction(total) * weight / whole for weight in weights]
    parts = [part.numerator // part.denominator for part in exact]
    by_remainder = sorted(range(len(parts)), key=lambda index: (parts[index] - exact[index], index))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def whole_parts(total: int, exact: Sequence[Fraction]) -> list[int]:
    """A rounded total laid over the exact numbers it is the rounded sum of; no part is more than its number rounded up."""
    parts = [number.numerator // number.denominator for number in exact]
    by_remainder = sorted(range(len(parts)), key=lambda index: (parts[index] - exact[index], index))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def round_points(exact: Fraction, rounding: str) -> int:
    """The one rounding: `floor`, `half_up` or `ceiling`, of a number that is never negative."""
    if rounding == "floor":
        return exact.numerator // exact.denominator
    if rounding == "ceiling":
        return -(-exact.numerator // exact.denominator)
    rounded = exact + HALF
    return rounded.numerator // rounded.denominator


def text(number: Fraction) -> str:
    """An exact number as text: a plain decimal where it ends ("12.66"), else a fraction ("38/3")."""
    places = _places(number.denominator)
    if places == 0:
        return str(number.numerator)
    if places is None:
        return f"{number.numerator}/{number.denominator}"
    digits = str(abs(number.numerator) * (10**places // number.denominator)).zfill(places + 1)
    return f"{'-' if number < 0 else ''}{digits[:-places]}.{digits[-places:]}"


@lru_cache(maxsize=4096)
def _places(denominator: int) -> int | None:
    """How many decimal places a fraction with this denominator needs; None when it never ends."""
    return next((places for places in range(19) if 10**places % denominator == 0), None)
