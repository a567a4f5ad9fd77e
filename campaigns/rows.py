"""One row of an imported file: its texts as a sale and a person, or the reason why not.

A day without a time counts as midday in the program clock; a time without a zone is in that clock. What could be read in
two ways ("1.234,56" from a file whose decimal mark nobody told) is refused.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from campaigns.purchases import Sale
from loyalty.common.errors import Refusal
from loyalty.common.languages import LANGUAGES
from loyalty.ledger.models import Program
from loyalty.pos.models import Store
from members.enrolment import Applicant
from members.sales import NOTHING, judge

NEEDED = ("receipt", "customer", "date", "amount")
FIELDS = (
    *NEEDED, "items", "currency", "tax", "delivery", "paid_with_points", "store", "channel", "name", "email", "phone", "birthday",
    "language",
)  # fmt: skip
PLAIN_AMOUNT = re.compile(r"\d{1,12}(?:\.\d{1,2})?", re.ASCII)
AMOUNTS = {
    ".": re.compile(r"(?:\d{1,12}|\d{1,3}(?:,\d{3}){1,3})(?:\.\d{1,2})?", re.ASCII),
    ",": re.compile(r"(?:\d{1,12}|\d{1,3}(?:\.\d{3}){1,3})(?:,\d{1,2})?", re.ASCII),
}
COUNT = re.compile(r"\d{1,7}", re.ASCII)
MIDDAY = time(12)


class ImportRefused(Refusal):
    """A file or an order to import that cannot be followed at all."""

    code = "import_refused"
    status = 422


class RowRefused(Refusal):
    """One row that cannot be taken."""

    code = "row_refused"
    status = 422


@dataclass(frozen=True, slots=True)
class Options:
    """How a file is to be read. `columns` maps column -> field; columns named like a field need no mapping.

    `decimal` is the decimal mark of amounts ("." or ","); left empty, only plain amounts such as 1234.50 are taken.
    `date_format` is a strptime format; left empty, dates are ISO 8601.
    """

    source: str = "import"
    columns: dict[str, str] = field(default_factory=dict)
    encoding: str = ""
    delimiter: str = ""
    date_format: str = ""
    decimal: str = ""
    batch: int = 4000
    dry_run: bool = False


@dataclass(slots=True)
class Reading:
    """One row understood: the sale, the customer's key, and the person should they be new."""

    line: int
    sale: Sale
    applicant: Applicant


class Reader:
    """Turns the texts of a row into a sale, for one program and one set of options."""

    def __init__(self, program: Program, options: Options, at: datetime) -> None:
        """Stores are read once; days become instants once each."""
        if options.decimal not in ("", ".", ","):
            raise ImportRefused(_("The decimal mark is “.” or “,”."))
        if options.batch < 1:
            raise ImportRefused(_("A batch has at least one row."))
        self.program, self.options, self.at = program, options, at
        self.zone = ZoneInfo(program.time_zone)
        self.stores = {store.code: store for store in Store.objects.filter(program=program)}
        self.moment = lru_cache(maxsize=4096)(self._moment)

    def read(self, line: int, cells: dict[str, str]) -> Reading:
        """A row as a sale and the person who bought. Raises a Refusal that names the field."""
        for name, cell in cells.items():
            if cell[:1] == "=":
                raise RowRefused(_("%(field)s: the cell is a formula. Save the file with values.") % {"field": name})
        customer = cells["customer"]
        if not customer or len(customer) > 80 or not customer.isprintable():
            raise RowRefused(_("customer: 1 to 80 printable characters are needed."))
        occurred_at, by_day = self.moment(cells["date"])
        sale = Sale(
            source=self.options.source,
            receipt=cells["receipt"],
            occurred_at=occurred_at,
            is_dated_by_day=by_day,
            total=self._amount(cells["amount"], "amount"),
            currency=cells.get("currency") or self.program.currency,
            items=self._count(cells.get("items", "")),
            store=self._store(cells.get("store", "")),
            channel=cells.get("channel", ""),
            tax=self._part(cells, "tax"),
            delivery=self._part(cells, "delivery"),
            paid_with_points=self._part(cells, "paid_with_points"),
        )
        judge(sale, self.program, at=self.at)
        return Reading(line, sale, self._applicant(cells, min(occurred_at, self.at)))

    def _applicant(self, cells: dict[str, str], enrolled_at: datetime) -> Applicant:
        """The person of a row, should they not be a member yet."""
        name, email, phone = cells.get("name", ""), cells.get("email", ""), cells.get("phone", "")
        if len(name) > 120 or not name.isprintable():
            raise RowRefused(_("name: at most 120 printable characters."))
        if len(phone) > 24 or not phone.isprintable():
            raise RowRefused(_("phone: at most 24 printable characters."))
        if email:
            _judge_email(email)
        language = cells.get("language") or "en"
        if language not in dict(LANGUAGES):
            raise RowRefused(_("language: one of en, id, ms."))
        birthday = _birthday(cells.get("birthday", ""))
        return Applicant(
            self.options.source, cells["customer"], name, email, phone, birthday, language, enrolled_at
        )  # fmt: skip

    def _moment(self, written: str) -> tuple[datetime, bool]:
        """The instant of a date or time, and whether only the day is known."""
        try:
            if self.options.date_format:
                moment = datetime.strptime(written, self.options.date_format)  # noqa: DTZ007 - the zone is set below
                by_day = not {"%H", "%I", "%X", "%c"} & set(re.findall(r"%-?\w", self.options.date_format))
            else:
                moment = datetime.fromisoformat(written)
                by_day = len(written) <= 10
        except ValueError:
            expected = self.options.date_format or "2026-03-31"
            raise RowRefused(
                _("date: “%(given)s” is not a date such as %(expected)s.")
                % {"given": written[:100], "expected": expected}
            ) from None
        if by_day:
            moment = datetime.combine(moment.date(), MIDDAY)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self.zone)
        try:
            return moment.astimezone(UTC), by_day
        except OverflowError:
            raise RowRefused(_("date: “%(given)s” lies outside of the calendar.") % {"given": written[:100]}) from None

    def _amount(self, written: str, name: str) -> Decimal:
        """An exact amount; what could be read in two ways is refused."""
        mark = self.options.decimal
        if not mark and PLAIN_AMOUNT.fullmatch(written):
            return Decimal(written)
        if mark and AMOUNTS[mark].fullmatch(written):
            return Decimal(written.replace("." if mark == "," else ",", "").replace(mark, "."))
        raise RowRefused(
            _(
                "%(field)s: “%(given)s” is not a plain amount such as 1234.50. Tell the decimal mark if the file writes others."
            )
            % {"field": name, "given": written[:100]}
        )

    def _part(self, cells: dict[str, str], name: str) -> Decimal:
        """A part of the total; an empty cell is nothing."""
        written = cells.get(name)
        return self._amount(written, name) if written else NOTHING

    def _count(self, written: str) -> int:
        """A number of items; none is zero."""
        if written and not COUNT.fullmatch(written):
            raise RowRefused(_("items: “%(given)s” is not a whole number.") % {"given": written[:100]})
        return int(written or 0)

    def _store(self, code: str) -> Store | None:
        """The store of a code."""
        if code and code not in self.stores:
            raise RowRefused(_("store: there is no store “%(code)s”.") % {"code": code[:100]})
        return self.stores.get(code)


@lru_cache(maxsize=65536)
def _judge_email(email: str) -> None:
    """Whether an address can be one; each is looked at once."""
    try:
        validate_email(email)
    except ValidationError:
        raise RowRefused(_("email: “%(given)s” is not an e-mail address.") % {"given": email[:100]}) from None
    if len(email) > 254:
        raise RowRefused(_("email: at most 254 characters."))


def _birthday(written: str) -> date | None:
    """A birthday in ISO form."""
    try:
        return date.fromisoformat(written) if written else None
    except ValueError:
        raise RowRefused(
            _("birthday: “%(given)s” is not a date such as 1990-03-31.") % {"given": written[:100]}
        ) from None
