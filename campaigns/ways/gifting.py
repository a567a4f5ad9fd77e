"""Birthday gifts of the tiers: points, a reward, or both, once a year for each member, with a letter (DOMAIN 8, 10.3).

The tier is the one held when the birthday begins in the program clock. What a day without jobs missed is made up for, some days back; a
changed date of birth gives no second gift. A reward that is not there is owed, and can be given from the desk later.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction

from campaigns.ways import gift_letters
from campaigns.ways.models import BirthdayGift, GiftGiven
from campaigns.ways.occasions import Found, birthdays, days_of
from campaigns.ways.terms import terms_of
from loyalty.common.clock import day_start
from loyalty.common.errors import Refusal
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger import locking, posting
from loyalty.ledger.models import Program
from members import tiers
from members.activity import members_of
from members.ladders import ladder
from members.models import Member
from rewards import granting
from rewards.models import Redemption, Reward

SOURCE = "setia"
ACTOR = "job:give_birthday_gifts"


def give_due(program: Program, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """Give every birthday gift that is due at an instant and was not given, page by page; the job `give_birthday_gifts`."""
    tally = Tally(report={"points": 0, "rewards": 0, "owed": 0})
    gifts = gifts_of(program)
    if not gifts:
        return tally
    terms = terms_of(program)
    for page in birthdays(program, terms, days_of(program, terms, at=at), GiftGiven.objects.all(), "birthday_at"):
        tally.found += len(page)
        given = [] if dry_run else give(program, page, gifts, at=at, actor=ACTOR)
        tally.done += len(given)
        tally.report["points"] += sum(one.points for one in given)
        tally.report["rewards"] += sum(1 for one in given if one.redemption_id)
        tally.report["owed"] += sum(1 for one in given if one.owed)
        if not progress(tally.found, tally.done, tally.skipped):
            break
    return tally


def gifts_of(program: Program) -> dict[int, BirthdayGift]:
    """The gift of each tier that gives something, by tier: one query."""
    found = BirthdayGift.objects.filter(tier__program=program).select_related("tier", "reward__wallet")
    return {gift.tier_id: gift for gift in found if gift.points or gift.reward_id}


@transaction.atomic
def give(
    program: Program, born: Sequence[Found], gifts: dict[int, BirthdayGift], *, at: datetime, actor: str
) -> list[GiftGiven]:
    """Give these members the gift of the tier they held; who has this year's gift, left, or is in a tier without one gets none."""
    accounts = members_of(program, {member_id for member_id, _day, _years in born})
    locked = locking.lock(*(account_id for _status, account_id in accounts.values()))
    had = set(GiftGiven.objects.filter(member__any_of=list(accounts)).values_list("member_id", "year"))
    begins = {member_id: (day.year, day_start(day, program.time_zone)) for member_id, day, _years in born}
    held = tiers.tiers_at(program, [(member_id, begin) for member_id, (_year, begin) in begins.items()])
    unit, new = 10 ** ladder(program).decimals, []
    for member_id, (year, begin) in begins.items():
        gift = gifts.get(held[member_id, begin].pk)
        if gift is not None and (member_id, year) not in had and accounts[member_id][0] == Member.Status.ACTIVE:
            new.append((GiftGiven(member_id=member_id, tier_id=gift.tier_id, year=year, birthday_at=begin, given_at=at, points=gift.points * unit), gift))  # fmt: skip
    credits = [(one, _credit(one, gift, accounts[one.member_id][1], actor)) for one, gift in new if one.points]
    ids = posting.accrue_many([credit for _one, credit in credits], recorded_at=at, locked=locked)
    for (one, _credited), entry_id in zip(credits, ids, strict=True):
        one.entry_id = entry_id
    _grant([(one, gift.reward) for one, gift in new if gift.reward is not None], at=at, actor=actor)
    made = GiftGiven.objects.bulk_create(one for one, _gift in new)
    gift_letters.tell(program, made, at=at)
    return made


@transaction.atomic
def give_owed(given: GiftGiven, *, at: datetime, actor: str) -> GiftGiven:
    """Give the reward that was not there on the birthday. Raises OutOfStock, NoAccount; then nothing has changed."""
    program = given.member.program
    locking.lock(*(account_id for _status, account_id in members_of(program, {given.member_id}).values()))
    given = GiftGiven.objects.select_related("member__program", "tier__birthday_gift__reward__wallet").get(pk=given.pk)
    reward = given.tier.birthday_gift.reward
    if given.owed and reward is not None:
        given.redemption, given.owed = _granted(given, reward, at=at, actor=actor), ""
        given.save(update_fields=["redemption", "owed"])
        gift_letters.tell(program, [given], at=at)
    return given


def reference_of(given: GiftGiven) -> str:
    """How the books refer to a gift."""
    return f"birthday:{SOURCE}:{given.member_id}:{given.year}"


def _credit(given: GiftGiven, gift: BirthdayGift, account_id: int, actor: str) -> posting.Accrual:
    tier = gift.tier
    names = {"en": tier.name, "id": tier.name_id, "ms": tier.name_ms}
    told = {"birthday": {"tier": tier.slug, "year": given.year, "names": {k: v for k, v in names.items() if v}}}
    return posting.Accrual(account_id, given.points, given.birthday_at, reference_of(given), SOURCE, actor, told, "", tier.name)  # fmt: skip


def _grant(asked: Iterable[tuple[GiftGiven, Reward]], *, at: datetime, actor: str) -> None:
    """Issue the vouchers, always in the order of their rewards; what cannot be given is owed."""
    asked = sorted(asked, key=lambda one: (one[1].pk, one[0].member_id))
    members = Member.objects.select_related("program").in_bulk({given.member_id for given, _reward in asked})
    for given, reward in asked:
        given.member = members[given.member_id]
        try:
            given.redemption = _granted(given, reward, at=at, actor=actor)
        except Refusal as refusal:
            given.owed = refusal.code


def _granted(given: GiftGiven, reward: Reward, *, at: datetime, actor: str) -> Redemption:
    return granting.grant(given.member, reward, at=at, reference=f"{reference_of(given)}:{given.member.number}", actor=actor)  # fmt: skip
