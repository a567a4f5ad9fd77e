"""What travels over the API: strict shapes in, plain shapes out.

Unknown fields are refused and nothing is cast: "10" is not 10. Money travels as decimal strings, instants with their
zone, points as whole numbers of the wallet's smallest unit.
"""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST_AHEAD = timedelta(days=1)
EARLIEST_BIRTHDAY = date(1900, 1, 1)
MONEY = re.compile(r"[0-9]{1,13}(\.[0-9]{1,2})?", re.ASCII)
QUANTITY = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?", re.ASCII)
INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Incoming(BaseModel):
    """A body of a call: unknown fields, silent casts and texts that are no line of text are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @field_validator("*", mode="after")
    @classmethod
    def printable(cls, value: Any) -> Any:
        """Text without control characters, and not only blank."""
        if not isinstance(value, str) or not value:
            return value
        if not value.isprintable():
            raise PydanticCustomError("not_printable", _("Send printable characters on one line."))
        if not value.strip():
            raise PydanticCustomError("blank", _("Send more than blanks."))
        return value


class Outgoing(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(extra="forbid")


def _amount(pattern: re.Pattern[str], code: str, message: str) -> Any:
    """A reader of decimal strings."""

    def read(value: Any) -> Decimal:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise PydanticCustomError(code, _(message))
        return Decimal(value)

    return read


def _instant(value: Any) -> datetime:
    """An instant with its zone, not far away."""
    found = None
    if isinstance(value, str) and INSTANT.fullmatch(value):
        try:
            found = parse_datetime(value.upper())
        except ValueError:
            found = None
    if found is None or found.tzinfo is None:
        raise PydanticCustomError(
            "instant_invalid", _("Send a date and time with its zone, for example 2026-03-01T12:00:00+07:00.")
        )
    try:
        found = found.astimezone(UTC)
    except OverflowError:
        found = None
    if found is None or found < EARLIEST or found.year > 2200:
        raise PydanticCustomError("instant_out_of_range", _("This date is too far away. Check the year."))
    return found


def _day(value: Any) -> date:
    """A calendar day."""
    found = None
    if isinstance(value, str) and DAY.fullmatch(value):
        try:
            found = parse_date(value)
        except ValueError:
            found = None
    if found is None:
        raise PydanticCustomError("date_invalid", _("Send a day that exists, for example 1990-12-31."))
    if found < EARLIEST_BIRTHDAY:
        raise PydanticCustomError("date_out_of_range", _("This date is too far away. Check the year."))
    return found


def _shown_instant(value: datetime) -> str:
    """An instant as it travels: UTC."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


_MONEY_MESSAGE = gettext_noop('Send an amount as text with at most two decimals, for example "12.50".')
_QUANTITY_MESSAGE = gettext_noop('Send a quantity as text with at most three decimals, for example "1.5".')
Money = Annotated[
    Decimal,
    PlainValidator(_amount(MONEY, "money_invalid", _MONEY_MESSAGE)),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,13}(\.[0-9]{1,2})?$", "examples": ["12.50"]}),
]
Quantity = Annotated[
    Decimal,
    PlainValidator(_amount(QUANTITY, "quantity_invalid", _QUANTITY_MESSAGE)),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,3})?$", "examples": ["1.5"]}),
]
Instant = Annotated[
    datetime,
    PlainValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-03-01T12:00:00+07:00"]}),
]
Day = Annotated[
    date, PlainValidator(_day), WithJsonSchema({"type": "string", "format": "date", "examples": ["1990-12-31"]})
]
# The same in answers, where nothing needs to be judged.
MoneyOut = Annotated[
    Decimal,
    PlainSerializer(lambda value: f"{value:f}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "examples": ["12.50"]}),
]
InstantOut = Annotated[
    datetime,
    PlainSerializer(_shown_instant, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-03-01T05:00:00Z"]}),
]
DayOut = Annotated[
    date,
    PlainSerializer(lambda value: value.isoformat(), return_type=str),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-03-31"]}),
]
REFERENCE = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,119}$"
Reference = Annotated[str, Field(pattern=REFERENCE, examples=["order-1042-coffee"])]
