"""A tier bought with points: drawn like a redemption, held until its own end, given back by staff only (DOMAIN 8.2).

A tier has a price, edited with the tiers. Only a tier above the present one is sold. The same reference buys once.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from loyalty.common.clock import day_start, local_day
from loyalty.common.errors import Refusal
from loyalty.jobs.changes import people
from loyalty.ledger import posting
from loyalty.ledger.models import Entry, Program
from members.enrolment import main_account
from members.models import Member, Tier, TierGrant
from members.tiers import granting
from members.tiers.reviewing import walk_on

GRACE_DAYS = 14


class TierNotForSale(Refusal):
    """The tier has no price, is not above the one held, or the membership is closed."""

    code = "tier_not_for_sale"


class TierUnknown(Refusal):
    """The program has no such tier."""

    code = "tier_unknown"
    status = 404


def find(program: Program, slug: str) -> Tier:
    """The tier of a program with this short name. Raises TierUnknown."""
    found = Tier.objects.filter(program=program, slug=slug).first()
    if found is None:
        raise TierUnknown(_("There is no such tier. Choose one of the program's tiers."))
    return found


@transaction.atomic
def buy(member: Member, tier: Tier, *, at: datetime, reference: str, source: str, actor: str) -> TierGrant:
    """Draw the price and give the tier until its own end; a known reference is answered with its first grant.

    Raises TierNotForSale, and InsufficientPoints with what is missing; then nothing has changed.
    """
    account = main_account(member)
    granting.lock_main(member)
    known = TierGrant.objects.filter(member=member, reference=f"bought:{reference}").select_related("tier").first()
    if known is not None:
        return known
    walk_on(member.program, [member.pk], at=at)
    member.refresh_from_db()
    tier.refresh_from_db()
    refused = refusal(member, tier)
    if refused is not None or tier.price is None:
        raise refused or TierNotForSale(_("This tier is not for sale."))
    until = end_of(tier, member.program, at=at)
    names = {"en": tier.name, "id": tier.name_id, "ms": tier.name_ms}
    told = {"kind": "tier", "tier": tier.slug, "names": {k: v for k, v in names.items() if v}, "until": until.isoformat()}  # fmt: skip
    posting.redeem(account.pk, tier.price, at=at, reference=f"tier:bought:{reference}", source=source, actor=actor, reason=tier.name, explanation=told)  # fmt: skip
    return granting.give(
        member, tier, until=until, reason=_("Bought with points"), reference=f"bought:{reference}", at=at, actor=actor,
        kind=TierGrant.Kind.BOUGHT,
    )  # fmt: skip


def refusal(member: Member, tier: Tier) -> TierNotForSale | None:
    """Why this tier cannot be bought now, apart from the price; None when it can."""
    if member.status != Member.Status.ACTIVE:
        return TierNotForSale(_("This membership is closed, so no tier can be bought."))
    if tier.program_id != member.program_id or tier.price is None or not tier.is_on_ladder:
        return TierNotForSale(_("This tier is not for sale."))
    if tier.rank <= member.tier.rank:
        return TierNotForSale(_("You are %(tier)s already. Only a higher tier can be bought.") % {"tier": member.tier})
    return None


def end_of(tier: Tier, program: Program, *, at: datetime) -> datetime:
    """Until when a tier bought at an instant is kept: through the last of its days in the program clock."""
    return day_start(local_day(at, program.time_zone) + timedelta(days=tier.lasts_days + 1), program.time_zone)


def entry_of(grant: TierGrant) -> Entry | None:
    """The line of the books that paid for a bought tier; None for one that was paid otherwise."""
    paid = Entry.objects.filter(account__member_account__member=grant.member_id, reference=f"tier:{grant.reference}")
    return paid.filter(kind=Entry.Kind.REDEMPTION).first()


@transaction.atomic
def give_back(grant: TierGrant, *, at: datetime, actor: str) -> TierGrant:
    """End a bought tier now and give its points back to their lots; those that ran out meanwhile live 14 days. Twice changes nothing.

    Raises OwnAccount when staff would do it for themselves (law 19).
    """
    people.refuse_own(actor, grant.member.member_accounts.values_list("account_id", flat=True))
    granting.lock_main(grant.member)
    entry = entry_of(grant)
    if entry is not None:
        posting.reverse(entry, at=at, reference=f"back:{entry.reference}", source=entry.source, actor=actor, grace_days=GRACE_DAYS)  # fmt: skip
    return granting.withdraw(grant, at=at, actor=actor)
