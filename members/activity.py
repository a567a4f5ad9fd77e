"""What members did, as it is recorded: purchases with their lines, found again by (source, receipt)."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext as _

from loyalty.common.bulk import insert_numbered, insert_rows
from loyalty.common.prepared import Given, Prepared
from loyalty.ledger.models import Program
from members.models import MemberAccount, Purchase, PurchaseLine
from members.sales import CLOCK_TOLERANCE, MemberClosed, MemberUnknown, ReceiptConflict, Sale, SaleLine
from members.turns import TakePart

__all__ = [
    "CLOCK_TOLERANCE",
    "LINE_FIELDS",
    "PURCHASE_FIELDS",
    "MemberClosed",
    "MemberUnknown",
    "ReceiptConflict",
    "Sale",
    "SaleLine",
]
__all__ += ["known_receipts", "members_of", "unknown_member", "write_purchases"]

PURCHASE_FIELDS = (
    "program", "member", "source", "receipt", "occurred_at", "recorded_at", "store", "channel", "currency", "items",
    "total", "eligible", "tier", "points", "qualifying_points", "qualifying_spend", "refunded",
    "points_returned", "digest", "payment", "explanation",
)  # fmt: skip
LINE_FIELDS = (
    "purchase",
    "number",
    "product",
    "category",
    "brand",
    "collection",
    "supplier",
    "quantity",
    "amount",
    "eligible",
    "points",
)


_main_accounts = Prepared(
    lambda: (
        MemberAccount.objects.filter(
            member__any_of=Given("members"), member__program=Given("program"), wallet__is_main=True
        )
        .annotate(turn=TakePart(Given("program")))
        .values_list("member_id", "member__status", "account_id", "turn")
    )
)
_receipts = Prepared(
    lambda: (
        Purchase.objects.filter(
            program=Given("program"), source__any_of=Given("sources"), receipt__any_of=Given("receipts")
        )
        .order_by()
        .values_list("source", "receipt", "id", "digest", "points")
    )
)


def members_of(program: Program, member_ids: set[int]) -> dict[int, tuple[str, int]]:
    """Status and main account of the members of this program: one query. Takes part in the turn of `members.turns`."""
    rows = _main_accounts(members=list(member_ids), program=program.pk)
    return {member_id: (status, account_id) for member_id, status, account_id, _turn in rows}


def unknown_member() -> MemberUnknown:
    """The program has no such member."""
    return MemberUnknown(_("No member with this number takes part in the program."))


def known_receipts(program: Program, sales: Iterable[Sale]) -> dict[tuple[str, str], tuple[int, str, int]]:
    """The receipts recorded before: (source, receipt) -> (purchase id, digest, points). One query."""
    sales = [sale for sale in sales if sale.receipt.isprintable() and sale.source.isprintable()]
    sources, receipts = {sale.source for sale in sales}, [sale.receipt for sale in sales]
    rows = _receipts(program=program.pk, sources=sources, receipts=receipts)
    return {(source, receipt): (purchase_id, digest, points) for source, receipt, purchase_id, digest, points in rows}


def write_purchases(rows: Sequence[tuple[Any, ...]], lines: Sequence[Sequence[tuple[Any, ...]]]) -> list[int]:
    """Write purchases (tuples of PURCHASE_FIELDS) and the lines of each; returns the new ids."""
    ids = insert_numbered(Purchase, PURCHASE_FIELDS, rows)
    insert_rows(
        PurchaseLine,
        LINE_FIELDS,
        [
            (new_id, number, *line)
            for new_id, of_purchase in zip(ids, lines, strict=True)
            for number, line in enumerate(of_purchase, start=1)
        ],
    )
    return ids
