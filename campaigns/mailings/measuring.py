"""What a mailing did: what became of its letters, and what its readers did in the days after, against those who were kept out.

Compared are all who were chosen to get it with all who were drawn to be kept out, whether a letter reached them or not: only so are the
two alike. The difference is reckoned as that of campaigns (`campaigns.lift`).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Count, Exists, F, OuterRef, Q
from django.db.models.functions import Lower

from campaigns.lift import Group, Lift, lift_of
from campaigns.mailings.audience import Audience, frozen
from campaigns.mailings.models import Mailing, Recipient
from loyalty.common.money import from_cents, sum_in_cents
from loyalty.mail import halting
from loyalty.mail.models import BlockedAddress, Message
from members.models import Purchase
from rewards.models import Redemption

AT_ONCE = 5000
Status = Message.Status


@dataclass(slots=True)
class Followed:
    """A group of the audience: what its members spent, and how many bought and redeemed, in the days that count."""

    spent: Group = field(default_factory=Group)
    buyers: int = 0
    redeemers: int = 0


@dataclass(slots=True)
class Results:
    """What became of a mailing until an instant. `ended` counts letters by status, `stopped` those not sent by reason."""

    audience: Audience
    until: datetime | None = None
    ended: dict[str, int] = field(default_factory=dict)
    stopped: dict[str, int] = field(default_factory=dict)
    bounced: int = 0
    complaints: int = 0
    unsubscribed: int = 0
    treated: Followed = field(default_factory=Followed)
    control: Followed = field(default_factory=Followed)

    @property
    def sent(self) -> int:
        """Letters that the mail system took."""
        return self.ended.get(Status.SENT, 0)

    @property
    def lift(self) -> Lift | None:
        """What a chosen member spent more than one kept out; None where a group is too small."""
        return lift_of(self.treated.spent, self.control.spent)


def results(mailing: Mailing, *, at: datetime) -> Results:
    """Everything that is told of a mailing that has started: six queries, whatever its size."""
    found = Results(frozen(mailing))
    letters = halting.letters_of(mailing.about)
    for status, why, count in letters.values_list("status", "stopped_for").annotate(Count("pk")):
        found.ended[status] = found.ended.get(status, 0) + count
        if why:
            found.stopped[why] = count
    complaint = BlockedAddress.objects.filter(
        address=OuterRef("mail"), reason=BlockedAddress.Reason.COMPLAINT, blocked_at=OuterRef("bounced_at")
    )
    back = letters.filter(bounced_at__isnull=False).alias(mail=Lower("address"))
    found.complaints = back.filter(Exists(complaint)).count()
    told = letters.aggregate(back=Count("pk", filter=Q(bounced_at__isnull=False)), left=Count("pk", filter=Q(unsubscribed_at__isnull=False)))  # fmt: skip
    found.bounced, found.unsubscribed = told["back"] - found.complaints, told["left"]
    if mailing.leaves_at and mailing.leaves_at < at and mailing.released:
        _follow(mailing, found, at)
    return found


def _follow(mailing: Mailing, found: Results, at: datetime) -> None:
    """Fill in what both groups did from the first moment a letter could leave."""
    since = mailing.leaves_at
    assert since is not None
    found.until = min(at, since + timedelta(days=mailing.measured_days))
    groups = {False: found.treated, True: found.control}
    chosen = Recipient.objects.filter(mailing=mailing).order_by()
    for is_kept_out, members in chosen.values_list("is_kept_out").annotate(Count("pk")):
        groups[is_kept_out].spent.members = members
    bought = Purchase.objects.filter(program=mailing.program_id, occurred_at__gte=since, occurred_at__lt=found.until)
    spent = (
        bought.filter(member__mailings__mailing=mailing).order_by().values("member", "member__mailings__is_kept_out")
    )
    kept = spent.annotate(cents=sum_in_cents(F("total") - F("refunded")))
    for is_kept_out, cents in kept.values_list("member__mailings__is_kept_out", "cents").iterator(chunk_size=AT_ONCE):
        groups[is_kept_out].buyers += 1
        groups[is_kept_out].spent.spend(from_cents(cents))
    redeemed = Redemption.objects.filter(
        program=mailing.program_id, redeemed_at__gte=since, redeemed_at__lt=found.until, member__mailings__mailing=mailing
    ).exclude(status=Redemption.Status.CANCELLED).order_by()  # fmt: skip
    counted = redeemed.values_list("member__mailings__is_kept_out").annotate(Count("member", distinct=True))
    for is_kept_out, members in counted:
        groups[is_kept_out].redeemers = members
