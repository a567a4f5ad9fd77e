"""One row of a file of purchases: a sale, and the person should they be new, or the reason why not."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from campaigns.order_rows import LINE_FIELDS, lines_of
from campaigns.purchases import Sale
from campaigns.rows import Options, RowReader, RowRefused
from loyalty.common.languages import LANGUAGES
from loyalty.ledger.models import Program
from loyalty.pos.models import Store
from members.enrolment import Applicant
from members.sales import judge

NEEDED = ("receipt", "customer", "date", "amount")
FIELDS = (
    *NEEDED, "items", "currency", "tax", "delivery", "paid_with_points", "store", "channel", "payment", "name", "email", "phone",
    "birthday", "company", "language", *LINE_FIELDS,
)  # fmt: skip
COUNT = re.compile(r"\d{1,7}", re.ASCII)


@dataclass(slots=True)
class Reading:
    """One row understood: the sale, the customer's key, and the person should they be new."""

    line: int
    sale: Sale
    applicant: Applicant


class Reader(RowReader):
    """Turns the texts of a row into a sale."""

    def __init__(self, program: Program, options: Options, at: datetime) -> None:
        """Stores are read once."""
        super().__init__(program, options, at)
        self.stores = {store.code: store for store in Store.objects.filter(program=program)}

    def read(self, line: int, cells: dict[str, str]) -> Reading:
        """A row as a sale and the person who bought. Raises a Refusal that names the field."""
        self.refuse_formulas(cells)
        customer = cells["customer"]
        if not customer or len(customer) > 80 or not customer.isprintable():
            raise RowRefused(_("customer: 1 to 80 printable characters are needed."))
        occurred_at, by_day = self.moment(cells["date"])
        total, delivery = self.amount(cells["amount"], "amount"), self.part(cells, "delivery")
        sale = Sale(
            source=self.options.source,
            receipt=cells["receipt"],
            occurred_at=occurred_at,
            is_dated_by_day=by_day,
            total=total,
            currency=cells.get("currency") or self.program.currency,
            items=self._count(cells.get("items", "")),
            store=self._store(cells.get("store", "")),
            channel=cells.get("channel", ""),
            tax=self.part(cells, "tax"),
            delivery=delivery,
            paid_with_points=self.part(cells, "paid_with_points"),
            payment=cells.get("payment", ""),
            lines=lines_of(cells, self, total=total, delivery=delivery),
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
        company = cells.get("company", "")
        if len(company) > 120 or not company.isprintable():
            raise RowRefused(_("company: at most 120 printable characters."))
        if email:
            _judge_email(email)
        language = cells.get("language") or "en"
        if language not in dict(LANGUAGES):
            raise RowRefused(_("language: one of en, id, ms."))
        birthday = _birthday(cells.get("birthday", ""))
        return Applicant(
            self.options.source, cells["customer"], name, email, phone, birthday, language, enrolled_at, company
        )  # fmt: skip

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
