"""Prizes follow progress: given once for each round, taken back when it is no longer deserved (DOMAIN 6.3).

Points are credited and clawed back with their explanation; a reward is given as a voucher, and cancelled while it is unused. One that
was used stands, and the member is told. Locks are taken in the order accounts, vouchers, lots, challenge, reward.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from campaigns.challenges import letters
from campaigns.challenges.definitions import Terms
from campaigns.challenges.running import Running
from campaigns.challenges.walking import Achieved
from campaigns.models import Challenge, Prize
from loyalty.common.errors import Refusal
from loyalty.ledger import locking, posting
from loyalty.ledger.clawback import claw_back
from loyalty.ledger.models import Entry, Program, Wallet
from members.activity import members_of
from members.models import Member
from rewards import granting, redemption
from rewards.models import Redemption, Reward

SOURCE = "challenge"
Won = Mapping[tuple[int, int], Sequence[Achieved]]
CHANGED = ("status", "won_at", "cause", "points", "entry", "redemption", "owed", "given_times", "changed_at")


def hold_vouchers(member_ids: Iterable[int]) -> None:
    """Lock the vouchers that may have to be taken back, before anything of the members' lots is touched."""
    held = Redemption.objects.select_for_update(no_key=True, of=("self",)).order_by("pk")
    list(held.filter(prize__member__in=list(member_ids), prize__status=Prize.Status.GIVEN).values_list("pk"))


def settle(program: Program, live: Sequence[Running], won: Won, *, at: datetime, actor: str) -> list[Prize]:
    """Make the prizes of these members in these challenges what they deserve; returns those that changed."""
    members = {member_id for _, member_id in won}
    challenges = {one.challenge.pk: one for one in live}
    known = {
        (one.challenge_id, one.member_id, one.key): one
        for one in Prize.objects.filter(challenge__in=list(challenges), member__any_of=list(members))
    }
    deserved = {(*who, one.key): one for who, many in won.items() for one in many}
    lost = [one for key, one in known.items() if key not in deserved and one.status == Prize.Status.GIVEN]
    _take_back(lost, at=at, actor=actor)
    new = [
        (prize, one.terms)
        for key, one in deserved.items()
        if (prize := _prize(key, one, known.get(key), at)) is not None
    ]
    _give(program, new, {pk: one.challenge for pk, one in challenges.items()}, at=at, actor=actor)
    changed = [*lost, *(prize for prize, _ in new)]
    letters.tell(program, changed, at=at)
    return changed


def give_owed(prize: Prize, *, at: datetime, actor: str) -> Prize:
    """Give the reward that could not be given when the prize was won. Raises OutOfStock, NoAccount; then nothing has changed."""
    member = Member.objects.select_related("program").get(pk=prize.member_id)
    locking.lock(*(account_id for _, account_id in members_of(member.program, {member.pk}).values()))
    prize = Prize.objects.select_related("challenge").get(pk=prize.pk)
    if prize.owed and prize.status == Prize.Status.GIVEN:
        _grant(prize, member, at=at, actor=actor, is_asked=True)
        prize.save(update_fields=["owed", "redemption"])
        letters.tell(member.program, [prize], at=at)
    return prize


def _prize(key: tuple[int, int, str], one: Achieved, known: Prize | None, at: datetime) -> Prize | None:
    """The prize to give for a round; None when it was given before and stands."""
    if known is None:
        known = Prize(challenge_id=key[0], member_id=key[1], key=key[2])
    elif known.status == Prize.Status.GIVEN:
        return None
    else:
        known.given_times += 1
    known.version, known.won_at, known.cause = one.terms.version, one.at, one.reference
    known.status, known.changed_at = Prize.Status.GIVEN, at
    return known


def _give(
    program: Program,
    new: Sequence[tuple[Prize, Terms]],
    challenges: Mapping[int, Challenge],
    *,
    at: datetime,
    actor: str,
) -> None:
    """Credit the points of prizes together, then issue the vouchers of those that have one."""
    if not new:
        return
    members = Member.objects.select_related("program").in_bulk({prize.member_id for prize, _ in new})
    accounts = members_of(program, set(members))
    unit = 10 ** (Wallet.objects.filter(program=program, is_main=True).values_list("decimals", flat=True).first() or 0)
    credits = []
    for prize, terms in new:
        prize.points, prize.is_badge, prize.reward = terms.points * unit, terms.badge, terms.reward
        prize.entry, prize.owed = None, ""
        prize.challenge = challenges[prize.challenge_id]
        if prize.points:
            credits.append((prize, _credit(prize, terms, accounts[prize.member_id][1], actor)))
    locked = locking.lock(*(account_id for _, account_id in accounts.values()))
    ids = posting.accrue_many([credit for _, credit in credits], recorded_at=at, locked=locked)
    for (prize, _), entry_id in zip(credits, ids, strict=True):
        prize.entry_id = entry_id
    for prize, _ in sorted(new, key=lambda one: one[0].reward):
        if prize.reward:
            _grant(prize, members[prize.member_id], at=at, actor=actor)
    fresh = [prize for prize, _ in new if prize.pk is None]
    Prize.objects.bulk_create(fresh)
    again = [prize for prize, _ in new if prize not in fresh]
    Prize.objects.bulk_update(again, [*CHANGED, "version", "is_badge", "reward"])


def _credit(prize: Prize, terms: Terms, account_id: int, actor: str) -> posting.Accrual:
    """The points of a prize, true from when it was won."""
    challenge = prize.challenge
    told = {
        "slug": challenge.slug,
        "version": terms.version,
        "names": _names(challenge),
        "kind": challenge.kind,
        "measure": terms.measure,
        "goal": str(terms.goal),
        "per": terms.per,
        "cause": prize.cause,
        "key": prize.key,
    }
    return posting.Accrual(
        account_id, prize.points, prize.won_at, prize.reference, SOURCE, actor, {"challenge": told},
        f"{challenge.slug}@{terms.version}", challenge.name,
    )  # fmt: skip


def _names(challenge: Challenge) -> dict[str, str]:
    """A challenge's names by language."""
    names = {"en": challenge.name, "id": challenge.name_id, "ms": challenge.name_ms}
    return {language: name for language, name in names.items() if name}


def _grant(prize: Prize, member: Member, *, at: datetime, actor: str, is_asked: bool = False) -> None:
    """Issue the voucher of a prize; one that cannot be given now is owed, and the desk says so."""
    if prize.redemption is not None and prize.redemption.status == Redemption.Status.USED:
        return
    reward = Reward.objects.select_related("wallet").filter(program=member.program_id, slug=prize.reward).first()
    try:
        if reward is None:
            raise granting.NoAccount(prize.reward)
        prize.redemption = granting.grant(member, reward, at=at, reference=f"{prize.reference}:{member.number}", actor=actor)  # fmt: skip
        prize.owed = ""
    except Refusal as refusal:
        if is_asked:
            raise
        prize.owed = refusal.code


def _take_back(lost: Sequence[Prize], *, at: datetime, actor: str) -> None:
    """Take prizes back: points from their credits, vouchers as long as they are unused."""
    if not lost:
        return
    vouchers = Redemption.objects.select_for_update(no_key=True, of=("self",)).order_by("pk").select_related("voucher")
    held = {one.pk: one for one in vouchers.filter(prize__in=[one.pk for one in lost])}
    entries = Entry.objects.in_bulk([one.entry_id for one in lost if one.entry_id])
    for prize in lost:
        prize.status, prize.changed_at = Prize.Status.TAKEN_BACK, at
        if prize.entry_id:
            _claw_back(prize, entries[prize.entry_id], at=at, actor=actor)
    for prize in lost:
        voucher = held.get(prize.redemption_id or 0)
        state = voucher.state(at=at) if voucher else ""
        if voucher is not None and state == Redemption.Status.ISSUED:
            prize.redemption = redemption.cancel(voucher, at=at, actor=actor, by_member=False)
        elif voucher is not None and state == Redemption.Status.USED:
            prize.redemption, prize.status = voucher, Prize.Status.STANDS
    Prize.objects.bulk_update(lost, ["status", "changed_at"])


def _claw_back(prize: Prize, entry: Entry, *, at: datetime, actor: str) -> None:
    """The points of a prize go back from its credit; what was spent already is owed, as the wallet's debt policy says."""
    told: dict[str, Any] = {"challenge": entry.explanation["challenge"] | {"is_back": True}}
    reference = f"{prize.reference}:back"
    claw_back(entry, prize.points, at=at, reference=reference, source=SOURCE, actor=actor, reason=entry.reason, explanation=told)  # fmt: skip
