"""What members do themselves: come by, tell others, register what they bought, review it (DOMAIN 3.1).

Each is an event with a natural key, so it counts once: a visit once a day, a share once a day and channel (declared by the member,
nobody can check it, so give little for it), a serial number for ever, a review once per product that was bought.
"""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.ways.models import Registration, Review
from campaigns.ways.recording import Happening, record, take_back
from campaigns.ways.terms import terms_of
from loyalty.common.clock import local_day
from loyalty.common.errors import Refusal
from loyalty.jobs.changes import people
from loyalty.ledger import locking
from loyalty.pos.models import Store
from members.activity import members_of
from members.models import Event, Member, PurchaseLine
from members.sales import MemberClosed

VISIT, SHARE, REGISTRATION, REVIEW = "visit", "share", "registration", "review"
CHANNELS = {
    "whatsapp": gettext_lazy("WhatsApp"), "instagram": gettext_lazy("Instagram"), "facebook": gettext_lazy("Facebook"),
    "tiktok": gettext_lazy("TikTok"), "other": gettext_lazy("Another way"),
}  # fmt: skip
Status = Review.Status


class SerialTaken(Refusal):
    """Somebody registered this piece before."""

    code = "serial_taken"


class SerialMalformed(Refusal):
    """A product and a serial number are needed, in letters, digits and dashes."""

    code = "serial_malformed"
    status = 422


class ReviewRefused(Refusal):
    """A review that cannot be right."""

    code = "review_refused"
    status = 422


class NotBought(Refusal):
    """Only what was bought is reviewed."""

    code = "product_not_bought"


class Decided(Refusal):
    """The review was decided otherwise before."""

    code = "review_decided"


def visit(member: Member, store: Store, *, at: datetime, actor: str) -> tuple[Event | None, bool]:
    """A member came by. Returns the event of the day (None where visits earn nothing), and whether it is new.

    Once a day over all stores.
    """
    key = f"{VISIT}:{member.pk}:{local_day(at, member.program.time_zone)}"
    return _once(member, VISIT, key, at=at, actor=actor)


def share(member: Member, channel: str, *, at: datetime, actor: str) -> tuple[Event | None, bool]:
    """A member says they told others. Returns the event of the day and channel, and whether it is new."""
    if channel not in CHANNELS:
        raise ReviewRefused(_("Choose one of the channels."), field="channel")
    key = f"{SHARE}:{channel}:{member.pk}:{local_day(at, member.program.time_zone)}"
    return _once(member, SHARE, key, at=at, actor=actor)


@transaction.atomic
def register(member: Member, product: str, serial: str, *, at: datetime, actor: str) -> Registration:
    """Register one piece; the same member again gets the first answer. Raises SerialTaken, SerialMalformed, MemberClosed."""
    product, serial = product.strip(), "".join(c for c in serial.upper() if c.isalnum())
    if not (0 < len(product) <= 80 and 4 <= len(serial) <= 64 and product.isprintable()):
        raise SerialMalformed(_("Tell the product, and its serial number as it is printed on it."), field="serial")
    _locked(member)
    made, is_new = Registration.objects.get_or_create(
        program=member.program, product=product, serial=serial, defaults={"member": member, "registered_at": at}
    )
    if not is_new:
        if made.member_id != member.pk:
            raise SerialTaken(_("This serial number is registered already. If the product is yours, tell us."))
        return made
    event, _new = _once(member, REGISTRATION, f"{REGISTRATION}:{made.pk}", at=at, actor=actor)
    made.points = event.points if event else 0
    made.save(update_fields=["points"])
    return made


@transaction.atomic
def write_review(member: Member, product: str, rating: int, text: str, *, at: datetime, actor: str) -> Review:
    """Review a product one bought, once: the same again returns the first. It waits for staff where the program says so.

    Raises ReviewRefused, NotBought, MemberClosed.
    """
    product, text = product.strip(), text.strip()
    if not 1 <= rating <= 5 or not product or len(product) > 80 or len(text) > 2000:
        raise ReviewRefused(_("Give one to five stars, and at most 2,000 characters of text."), field="rating")
    _locked(member)
    first = Review.objects.filter(member=member, product=product).first()
    if first:
        return first
    if not PurchaseLine.objects.filter(purchase__member=member, product=product).exists():
        raise NotBought(_("We know of no purchase of this product by you. Reviews are for what you bought."))
    made = Review.objects.create(
        program=member.program, member=member, product=product, rating=rating, text=text, written_at=at
    )
    return made if terms_of(member.program).reviews_wait else _approve(made, at=at, actor=actor)


@transaction.atomic
def approve_review(review: Review, *, at: datetime, actor: str) -> Review:
    """Show a review and give what it earns. Repeating returns it as it is. Raises Decided, and OwnAccount for staff who wrote it (law 19)."""
    people.refuse_own(actor, review.member.member_accounts.values_list("account_id", flat=True))
    review = _review(review)
    if review.status == Status.REFUSED:
        raise Decided(_("This review was refused before."))
    return review if review.status == Status.APPROVED else _approve(review, at=at, actor=actor)


@transaction.atomic
def refuse_review(review: Review, *, at: datetime, actor: str, note: str) -> Review:
    """Refuse a review, with words; what an approved one earned is taken back. Repeating returns it as it is. Raises ReviewRefused."""
    review = _review(review)
    if review.status == Status.REFUSED:
        return review
    if not note.strip():
        raise ReviewRefused(_("Say why: the member may ask."), field="note")
    for event in Event.objects.filter(program=review.program, source="setia", key=f"{REVIEW}:{review.pk}"):
        take_back(event, at=at, actor=actor, reason=note.strip()[:200])
    review.status, review.decided_at, review.decided_by, review.note = Status.REFUSED, at, actor, note.strip()[:200]
    review.save(update_fields=["status", "decided_at", "decided_by", "note"])
    return review


def products_to_review(member: Member) -> list[str]:
    """Products the member bought and has not reviewed, the last bought first; fifty at most."""
    done = Review.objects.filter(member=member).values("product")
    bought = PurchaseLine.objects.filter(purchase__member=member).exclude(product="").exclude(product__in=done)
    names = bought.order_by("-purchase__occurred_at").values_list("product", flat=True)[:200]
    return list(dict.fromkeys(names))[:50]


def _approve(review: Review, *, at: datetime, actor: str) -> Review:
    event, _new = _once(review.member, REVIEW, f"{REVIEW}:{review.pk}", at=review.written_at, now=at, actor=actor)
    review.status, review.decided_at, review.decided_by = Status.APPROVED, at, actor
    review.points = event.points if event else 0
    review.save(update_fields=["status", "decided_at", "decided_by", "points"])
    return review


def _review(review: Review) -> Review:
    """The review as it is now, its member's account locked."""
    _locked(review.member)
    return Review.objects.select_related("member__program", "program").get(pk=review.pk)


def _locked(member: Member) -> None:
    """Lock the member's account. Raises MemberClosed."""
    ((status, account_id),) = members_of(member.program, {member.pk}).values()
    locking.lock(account_id)
    if status == Member.Status.CLOSED:
        raise MemberClosed(_("This member has left the program."))


@transaction.atomic
def _once(
    member: Member, kind: str, key: str, *, at: datetime, actor: str, now: datetime | None = None
) -> tuple[Event | None, bool]:
    """Record an event of a natural key; the first one when it is known."""
    _locked(member)
    known = Event.objects.filter(program=member.program, source="setia", key=key).first()
    if known:
        return known, False
    made = record(member.program, kind, [Happening(member.pk, key, at)], at=now or at, actor=actor)
    return made.get(key), True
