"""What members did, as it is recorded: purchases with their lines, found again by (source, receipt)."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext as _

from loyalty.common.bulk import insert_rows, reserve_ids
from loyalty.ledger.models import Program
from members.models import MemberAccount, Purchase, PurchaseLine
from members.sales import CLOCK_TOLERANCE, MemberClosed, MemberUnknown, ReceiptConflict, Sale, SaleLine

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
    "id", "program", "member", "source", "receipt", "occurred_at", "recorded_at", "store", "channel", "currency", "items",
    "total", "eligible", "tier", "points", "qualifying_points", "qualifying_spend", "digest",
)  # fmt: skip
LINE_FIELDS = ("purchase", "number", "product", "category", "quantity", "amount", "eligible", "points")


def members_of(program: Program, member_ids: set[int]) -> dict[int, tuple[str, int]]:
    """Status and main account of the members of this program: one query."""
    rows = MemberAccount.objects.filter(member__any_of=member_ids, member__program=program, wallet__is_main=True)
    return {
        member_id: (status, account_id)
        for member_id, status, account_id in rows.values_list("member_id", "member__status", "account_id")
    }


def unknown_member() -> MemberUnknown:
    """The program has no such member."""
    return MemberUnknown(_("No member with this number takes part in the program."))


def known_receipts(program: Program, sales: Iterable[Sale]) -> dict[tuple[str, str], tuple[int, str, int]]:
    """The receipts recorded before: (source, receipt) -> (purchase id, digest, points). One query."""
    sales = [sale for sale in sales if sale.receipt.isprintable() and sale.source.isprintable()]
    rows = Purchase.objects.filter(
        program=program,
        source__any_of={sale.source for sale in sales},
        receipt__any_of=[sale.receipt for sale in sales],
    ).values_list("source", "receipt", "id", "digest", "points")
    return {(source, receipt): (purchase_id, digest, points) for source, receipt, purchase_id, digest, points in rows}


def write_purchases(rows: Sequence[tuple[Any, ...]], lines: Sequence[Sequence[tuple[Any, ...]]]) -> list[int]:
    """Write purchases (tuples of PURCHASE_FIELDS without the id) and the lines of each; returns the new ids."""
    ids = reserve_ids(Purchase, len(rows))
    insert_rows(Purchase, PURCHASE_FIELDS, [(new_id, *row) for new_id, row in zip(ids, rows, strict=True)])
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
