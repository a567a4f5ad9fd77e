"""Daily anchors: one signature over the heads of all chains, to be kept outside (DOMAIN 12.2, RELIABILITY R-7).

An anchor covers the entries up to one id, taken at an instant when nothing was being posted, so that its heads can be
computed again at any later time. It signs, under the key of the environment, one line per account (its last number, hash
and sum) and the anchor before it. Whoever rewrites history and chains it anew has other heads; without the key nobody
can sign those, and an anchor that was exported cannot be altered at all.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import Max, Sum

from loyalty.common.bulk import is_postgresql
from loyalty.common.clock import local_day
from loyalty.common.tally import Tally, unwatched
from loyalty.ledger.chain import instant
from loyalty.ledger.models import Account, Anchor, Entry, Program
from loyalty.ledger.seals import seal_of

FORMAT = "setia-anchor-1"
ACCOUNTS_AT_ONCE = 10_000
TRIES = 5


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain of one account stood: the last number, its hash (hexadecimal) and the sum of its entries."""

    account: int
    number: int
    hash: str
    points: int

    def line(self) -> str:
        """The head as it is signed."""
        return f"{self.account} {self.number} {self.hash} {self.points}\n"


@dataclass(frozen=True, slots=True)
class Claim:
    """What an anchor says, apart from its heads and its signature."""

    program: str
    day: date
    made_at: datetime
    last_entry: int
    previous: str

    def lines(self) -> str:
        """The claim as it is signed."""
        told = (FORMAT, self.program, self.day.isoformat(), instant(self.made_at), str(self.last_entry), self.previous)
        return "\n".join(told) + "\n"


@dataclass(frozen=True, slots=True)
class Signed:
    """The signature and the totals of the heads that were signed."""

    digest: str
    accounts: int
    points: int


def sign(claim: Claim, heads: Iterable[Head], *, key: str, each: Callable[[Head], object] | None = None) -> Signed:
    """Sign a claim over heads in the order of their accounts; nothing is kept in memory. `each` sees every head."""
    seal = hmac.new(key.encode(), claim.lines().encode(), hashlib.sha256)
    accounts = points = 0
    for head in heads:
        seal.update(head.line().encode())
        accounts += 1
        points += head.points
        if each:
            each(head)
    seal.update(f"{accounts} {points}\n".encode())
    return Signed(seal.hexdigest(), accounts, points)


def heads(program: Program, *, last_entry: int) -> Iterator[Head]:
    """The heads of all accounts that have entries up to an id, by account; read in ranges of accounts."""
    accounts = Account.objects.filter(wallet__program=program).order_by("id").values_list("id", flat=True)
    first = 0
    while ids := list(accounts.filter(id__gt=first)[:ACCOUNTS_AT_ONCE]):
        yield from _heads_of(ids, last_entry)
        first = ids[-1]


def claim_of(anchor: Anchor) -> Claim:
    """What a stored anchor says."""
    return Claim(anchor.program.slug, anchor.day, anchor.made_at, anchor.last_entry, previous_digest(anchor))


def previous_digest(anchor: Anchor) -> str:
    """The digest of the anchor before this one; empty for the first."""
    before = Anchor.objects.filter(program=anchor.program_id, day__lt=anchor.day).order_by("-day")
    return before.values_list("digest", flat=True).first() or ""


def again(anchor: Anchor, *, each: Callable[[Head], object] | None = None) -> Signed:
    """The signature that the books give for an anchor today; the same as the anchor's while nothing was rewritten."""
    return sign(
        claim_of(anchor), heads(anchor.program, last_entry=anchor.last_entry), key=settings.BOOKS_KEY, each=each
    )


def make_anchor(
    program: Program,
    *,
    at: datetime,
    dry_run: bool = False,
    progress: Callable[[int, int, int], bool] = unwatched,
) -> Tally:
    """Anchor a program's books on the day of `at` in the program clock, once; the job `anchor_books`."""
    day = local_day(at, program.time_zone)
    if Anchor.objects.filter(program=program, day__gte=day).exists():
        return Tally(found=1, skipped=1, report={"day": day.isoformat()})
    if dry_run:
        return Tally(found=1, report={"day": day.isoformat()})
    anchor = Anchor(
        program=program, number=Anchor.objects.filter(program=program).count() + 1, day=day, made_at=at,
        last_entry=quiet_entry(),
    )  # fmt: skip
    seen = 0

    def count(head: Head) -> None:
        nonlocal seen
        seen += 1
        if seen % ACCOUNTS_AT_ONCE == 0:
            progress(1, 0, 0)

    signed = again(anchor, each=count)
    anchor.digest, anchor.accounts, anchor.points = signed.digest, signed.accounts, signed.points
    anchor.seal = seal_of(anchor, previous_digest(anchor))
    kept = ("number", "made_at", "last_entry", "accounts", "points", "digest", "seal")
    made, is_new = Anchor.objects.get_or_create(
        program=program, day=day, defaults={name: getattr(anchor, name) for name in kept}
    )
    progress(1, int(is_new), int(not is_new))
    report = {"day": day.isoformat(), "accounts": made.accounts, "points": made.points, "digest": made.digest}
    return Tally(found=1, done=int(is_new), skipped=int(not is_new), report=report)


def quiet_entry() -> int:
    """The last entry's id at an instant when nobody was posting: no entry with a lower id can appear afterwards.

    Postings wait for the moment it takes. On SQLite the transaction itself is that lock.
    """
    for _attempt in range(TRIES - 1):
        try:
            return _quiet_entry()
        except OperationalError:
            continue
    return _quiet_entry()


@transaction.atomic
def _quiet_entry() -> int:
    let_nobody_post()
    return Entry.objects.aggregate(last=Max("id"))["last"] or 0


def let_nobody_post() -> None:
    """Wait until every posting that has begun is over, and let none begin before the transaction ends.

    Whoever posts locks an account first, and what it reads of anything is read after that wait. Raises OperationalError after two seconds.
    """
    if is_postgresql():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            cursor.execute(f'LOCK TABLE "{Account._meta.db_table}" IN EXCLUSIVE MODE')


def _heads_of(account_ids: list[int], last_entry: int) -> Iterator[Head]:
    """The heads of these accounts: two statements."""
    entries = Entry.objects.filter(account__any_of=account_ids, id__lte=last_entry).order_by()
    totals = entries.values_list("account_id").annotate(points=Sum("amount"), last=Max("id"))
    sums = {account_id: (points, last) for account_id, points, last in totals}
    lasts = Entry.objects.filter(id__any_of=[last for _, last in sums.values()]).order_by("account_id")
    for account_id, number, digest in lasts.values_list("account_id", "number", "hash"):
        yield Head(account_id, number, bytes(digest).hex(), sums[account_id][0])
