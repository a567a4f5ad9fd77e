"""Staff who are members, too, give themselves nothing: what is no change is refused at its own door (DOMAIN 12.4, law 19)."""

from datetime import timedelta
from decimal import Decimal

import pytest

from campaigns.ways import deeds
from campaigns.ways.models import Review
from loyalty.jobs.changes.people import OwnAccount
from loyalty.ledger.models import Entry
from members.models import Member, TierGrant
from members.testing import OPENING, give_points, points_of
from members.tests.changes import NOW, hired
from members.tiers import buying, granting
from rewards import paying, redemption
from rewards.models import PointsTerms
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
LATER = NOW + timedelta(days=1)


@pytest.fixture
def dewi(ani):
    """A manager whose address is that of the member Ani; somebody else is a manager only."""
    Member.objects.filter(pk=ani.pk).update(email="DEWI@staff.example")
    ani.refresh_from_db()
    give_points(ani, 500)
    return hired("dewi")


def a_review(ani):
    made = Review.objects.create(member=ani, program=ani.program, product="Kettle", rating=5, written_at=OPENING)
    return lambda actor: deeds.approve_review(made, at=LATER, actor=actor)


def a_tier(ani):
    told = {"until": LATER + timedelta(days=90), "reason": "VIP", "reference": "g", "at": LATER}
    return lambda actor: granting.give(ani, ani.program.tiers.get(slug="gold"), actor=actor, **told)


def a_bought_tier(ani):
    told = {
        "until": LATER + timedelta(days=90),
        "reason": "bought",
        "reference": "bought:1",
        "at": NOW,
        "actor": "member",
    }
    made = granting.give(ani, ani.program.tiers.get(slug="gold"), kind=TierGrant.Kind.BOUGHT, **told)
    return lambda actor: buying.give_back(made, at=LATER, actor=actor)


def a_redemption(ani):
    reward = make_reward(ani.program, cost=10)
    made = redemption.redeem(ani, reward, at=NOW, reference="r", source="test", actor="test")
    return lambda actor: redemption.cancel(made, at=LATER, actor=actor, by_member=False)


def a_payment(ani):
    PointsTerms.objects.create(
        wallet=ani.program.wallets.get(is_main=True), value=Decimal(100), minimum=10, step=10, share=Decimal(50)
    )
    held = paying.hold(ani, 100, basket=Decimal(30_000), at=NOW, reference="p", actor="till")
    made = paying.capture(held, at=NOW, source="till", receipt="R1", actor="till")
    return lambda actor: paying.give_back(made, Decimal(10_000), number="1", at=LATER, actor=actor)


@pytest.mark.parametrize("door", [a_review, a_tier, a_bought_tier, a_redemption, a_payment])
def test_nobody_gives_their_own_member_account_anything_and_a_colleague_does(ani, dewi, door):
    act = door(ani)
    before = (Entry.objects.count(), points_of(ani, at=LATER), TierGrant.objects.filter(withdrawn_at=None).count())
    with pytest.raises(OwnAccount):
        act(dewi)
    assert before == (
        Entry.objects.count(),
        points_of(ani, at=LATER),
        TierGrant.objects.filter(withdrawn_at=None).count(),
    )
    act(hired("rama"))
