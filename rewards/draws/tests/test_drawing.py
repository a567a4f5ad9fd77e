"""A draw from its publication to its prizes: entries are numbered, withdrawn, limited, drawn once, proved and given."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from loyalty.ledger.models import Entry
from loyalty.mail.models import Message
from loyalty.mail.rendering import render
from members.models import Member
from members.testing import OPENING, give_points, make_member, points_of
from rewards import granting, redemption, vouchers
from rewards.draws import drawing, fair, giving, proof, publishing
from rewards.draws.entering import holder_of
from rewards.draws.terms import DrawChanged, DrawClosed, DrawFull, DrawNotOpen, DrawRefused, EntriesReached, WinStands
from rewards.draws.testing import CLOSES, OPENS, make_draw, make_ticket
from rewards.models import (
    Draw,
    DrawEntry,
    DrawPromise,
    DrawResult,
    DrawWin,
    DrawWithdrawal,
    Redemption,
    Reward,
    Voucher,
)
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
DURING = OPENS + timedelta(days=1)


def buy(member, ticket, reference="r1", at=DURING):
    return redemption.redeem(member, ticket, at=at, reference=reference, source="test", actor="test")


def crowd(program, ticket, count=6):
    members = [make_member(program, f"M{number}") for number in range(count)]
    for member in members:
        give_points(member, 100)
        buy(member, ticket, member.number)
    return members


def numbers(draw):
    return list(DrawEntry.objects.filter(draw=draw).values_list("number", "member__name"))


# --- publishing -----------------------------------------------------------------------------------------------------
def test_publishing_shows_the_digest_of_a_seed_that_lies_sealed(program):
    draw = make_draw(program)
    promise = draw.promise
    assert draw.status == "open"
    assert len(promise.seed_digest) == 64
    assert promise.terms["prizes"] == [{"name": "First prize", "winners": 1}]
    record = proof.record_of(draw)
    assert (record["seed"], record["seed_digest"]) == ("", promise.seed_digest)
    assert promise.sealed_seed not in str(record)


def test_a_draw_is_published_once_with_a_prize_and_days_to_come(program):
    draw = make_draw(program, is_published=False)
    with pytest.raises(DrawRefused, match="days"):
        publishing.publish(draw, at=CLOSES, actor="test")
    draw.prizes.create(name="Far too many", points=1, winners=publishing.MOST_PLACES)
    with pytest.raises(DrawRefused, match="more than 10,000 winners"):
        publishing.publish(draw, at=OPENING, actor="test")
    draw.prizes.all().delete()
    with pytest.raises(DrawRefused, match="no prize"):
        publishing.publish(draw, at=OPENING, actor="test")
    draw.prizes.create(name="One", points=1)
    publishing.publish(draw, at=OPENING, actor="test")
    with pytest.raises(DrawChanged):
        publishing.publish(draw, at=OPENING, actor="test")
    assert DrawPromise.objects.count() == 1


# --- entering -------------------------------------------------------------------------------------------------------
def test_entries_are_numbered_one_after_the_other(program, ani, budi):
    draw = make_draw(program)
    ticket = make_ticket(draw, entries=2)
    give_points(ani, 100)
    give_points(budi, 100)
    first = buy(ani, ticket)
    assert buy(ani, ticket) == first
    buy(budi, ticket, "r2")
    assert numbers(draw) == [(1, "Ani"), (2, "Ani"), (3, "Budi"), (4, "Budi")]
    assert set(DrawEntry.objects.filter(member=ani).values_list("holder", flat=True)) == {holder_of(draw.pk, ani.pk)}
    assert holder_of(draw.pk, ani.pk) != holder_of(draw.pk + 1, ani.pk)
    draw.refresh_from_db()
    assert (draw.entries, points_of(ani, at=DURING), Reward.objects.get().taken) == (4, 90, 2)


def test_a_campaign_gives_an_entry_for_nothing(program, ani):
    draw = make_draw(program)
    made = granting.grant(ani, make_ticket(draw), at=DURING, reference="g", actor="campaign")
    assert granting.grant(ani, make_ticket_again(), at=DURING, reference="g", actor="campaign") == made
    assert numbers(draw) == [(1, "Ani")]


def make_ticket_again():
    return Reward.objects.get(kind="draw")


@pytest.mark.parametrize(("at", "said"), [(OPENS - timedelta(seconds=1), "from"), (CLOSES, "any more")])
def test_outside_of_its_days_nobody_enters_and_nothing_moves(program, ani, at, said):
    ticket = make_ticket(make_draw(program))
    give_points(ani, 100)
    with pytest.raises(DrawNotOpen, match=said):
        buy(ani, ticket, at=at)
    assert (points_of(ani, at=at), DrawEntry.objects.count(), Redemption.objects.count()) == (100, 0, 0)


def test_a_draft_takes_no_entries(program, ani):
    ticket = make_ticket(make_draw(program, is_published=False))
    give_points(ani, 100)
    with pytest.raises(DrawNotOpen):
        buy(ani, ticket)


def test_limits_for_a_member_and_in_all_hold_with_their_numbers(program, ani, budi):
    ticket = make_ticket(make_draw(program, limit_per_member=2, limit_in_all=3))
    give_points(ani, 100)
    give_points(budi, 100)
    made = [buy(ani, ticket, f"a{number}") for number in range(2)]
    with pytest.raises(EntriesReached) as reached:
        buy(ani, ticket, "a3")
    assert reached.value.numbers == {"limit": 2, "had": 2}
    buy(budi, ticket, "b1")
    with pytest.raises(DrawFull) as full:
        buy(budi, ticket, "b2")
    assert (full.value.numbers, points_of(budi, at=DURING)) == ({"left": 0}, 90)
    redemption.cancel(made[0], at=DURING, actor="test", by_member=True)
    buy(budi, ticket, "b2")
    assert Draw.objects.get().standing == 3


# --- leaving --------------------------------------------------------------------------------------------------------
def test_a_cancelled_entry_is_withdrawn_and_its_number_is_not_given_again(program, ani):
    draw = make_draw(program)
    ticket = make_ticket(draw)
    give_points(ani, 100)
    made = buy(ani, ticket)
    redemption.cancel(made, at=DURING, actor="test", by_member=True)
    redemption.cancel(made, at=DURING, actor="test", by_member=True)
    assert (points_of(ani, at=DURING), DrawWithdrawal.objects.get().reason) == (100, "cancelled")
    buy(ani, ticket, "r2")
    draw.refresh_from_db()
    assert (numbers(draw), draw.entries, draw.withdrawn) == ([(1, "Ani"), (2, "Ani")], 2, 1)


def test_from_the_close_on_nothing_is_withdrawn(program, ani):
    made_of = make_ticket(make_draw(program))
    give_points(ani, 100)
    made = buy(ani, made_of)
    for at in (CLOSES, CLOSES + timedelta(days=1)):
        with pytest.raises(DrawClosed):
            redemption.cancel(made, at=at, actor="test", by_member=False)
    drawing.draw_due(program, at=CLOSES)
    with pytest.raises(redemption.RedemptionUsed):
        redemption.cancel(made, at=CLOSES, actor="test", by_member=False)
    assert points_of(ani, at=CLOSES) == 90 + 500


def test_no_till_uses_an_entry(program, ani):
    give_points(ani, 100)
    made = buy(ani, make_ticket(make_draw(program)))
    with pytest.raises(vouchers.VoucherNotForTills):
        vouchers.use(made.voucher, at=DURING, till="1", receipt="R", actor="test")
    vouchers.expire_due(program, at=CLOSES + timedelta(days=300))
    made.refresh_from_db()
    assert made.status == "issued"


# --- drawing --------------------------------------------------------------------------------------------------------
def test_a_draw_is_drawn_at_its_close_once_and_everybody_can_compute_it_again(program):
    draw = make_draw(program, winners=3)
    members = crowd(program, make_ticket(draw))
    assert drawing.draw_due(program, at=CLOSES - timedelta(seconds=1)).found == 0
    assert drawing.draw_due(program, at=CLOSES, dry_run=True).found == 1
    assert DrawResult.objects.count() == 0
    assert drawing.draw_due(program, at=CLOSES).done == 4
    assert drawing.draw_due(program, at=CLOSES).is_empty
    draw.refresh_from_db()
    result = draw.result
    assert fair.digest_of(result.seed) == draw.promise.seed_digest
    entries = [fair.Entry(one.number, one.holder) for one in DrawEntry.objects.all()]
    assert fair.winners(result.seed, entries, 3) == result.numbers
    won = {win.entry.member_id for win in DrawWin.objects.all()}
    assert [points_of(member, at=CLOSES) for member in members] == [590 if one.pk in won else 90 for one in members]
    assert set(Redemption.objects.values_list("status", flat=True)) == {"used"}
    assert not Voucher.objects.filter(is_live=True).exists()
    assert Message.objects.filter(kind="draw_won").count() == 3
    assert proof.check(draw) == []


def test_a_prize_is_a_voucher_of_a_reward_and_one_sold_out_is_owed_until_it_is_there(program, ani):
    bike = make_reward(program, "bike", stock=0)
    draw = make_draw(program)
    draw.prizes.update(reward=bike, points=None)
    give_points(ani, 100)
    buy(ani, make_ticket(draw))
    tally = drawing.draw_due(program, at=CLOSES)
    assert (tally.done, tally.skipped, DrawWin.objects.get().owed) == (1, 1, "out_of_stock")
    assert Message.objects.filter(kind="draw_won").count() == 0
    Reward.objects.filter(pk=bike.pk).update(stock=1)
    drawing.draw_due(program, at=CLOSES + timedelta(hours=1))
    win = DrawWin.objects.get()
    assert (win.owed, win.redemption.status, win.redemption.cost) == ("", "issued", 0)
    letter = Message.objects.get(kind="draw_won")
    subject, text, _html = render(letter)
    assert "First prize" in subject
    assert win.redemption.voucher.shown_code in text


def test_without_entries_nobody_wins_and_with_few_there_are_fewer_winners(program, ani):
    empty, few = make_draw(program), make_draw(program, slug="few", winners=5)
    give_points(ani, 100)
    buy(ani, make_ticket(few))
    drawing.draw_due(program, at=CLOSES)
    assert (empty.wins.count(), few.wins.count()) == (0, 1)
    assert [proof.check(Draw.objects.get(pk=one.pk)) for one in (empty, few)] == [[], []]


def test_a_late_job_draws_just_the_same(program):
    draw = make_draw(program, winners=2)
    crowd(program, make_ticket(draw))
    drawing.draw_due(program, at=CLOSES + timedelta(days=5))
    assert proof.check(Draw.objects.get()) == []


def test_who_left_before_the_draw_takes_part_no_more(program):
    draw = make_draw(program, winners=6)
    gone = crowd(program, make_ticket(draw))[2]
    Member.objects.filter(pk=gone.pk).update(status="closed")
    drawing.draw_due(program, at=CLOSES)
    assert DrawWithdrawal.objects.get().reason == "left"
    assert gone.pk not in DrawWin.objects.values_list("entry__member", flat=True)
    assert proof.check(Draw.objects.get()) == []


# --- passing on -----------------------------------------------------------------------------------------------------
def test_who_left_after_the_draw_is_passed_over_and_the_next_in_order_wins(program):
    draw = make_draw(program, winners=2)
    crowd(program, make_ticket(draw))
    drawing.draw_winners(draw, at=CLOSES)
    first = DrawWin.objects.get(place=1)
    Member.objects.filter(pk=first.entry.member_id).update(status="closed")
    drawing.draw_due(program, at=CLOSES)
    drawing.draw_due(program, at=CLOSES)
    passed = DrawWin.objects.get(passed_at__isnull=False)
    assert (passed.pk, passed.passed_why) == (first.pk, "left")
    assert DrawWin.objects.filter(given_at__isnull=False).count() == 2
    draw = Draw.objects.get()
    order = [one.number for one in fair.in_order(draw.result.seed, [fair.Entry(n, holder_of(draw.pk, m)) for n, m in DrawEntry.objects.values_list("number", "member")])]  # fmt: skip
    assert proof.record_of(draw)["standing"] == [order[2], order[1]]
    assert proof.check(draw) == []


def test_a_prize_that_was_given_is_not_passed_on(program):
    draw = make_draw(program)
    crowd(program, make_ticket(draw), 2)
    drawing.draw_due(program, at=CLOSES)
    with pytest.raises(WinStands):
        giving.pass_on(DrawWin.objects.get(), at=CLOSES, actor="staff:1", why="excluded")
    assert DrawWin.objects.count() == 1


def test_where_nobody_is_left_the_place_stays_empty(program, ani):
    draw = make_draw(program)
    give_points(ani, 100)
    buy(ani, make_ticket(draw))
    drawing.draw_winners(draw, at=CLOSES)
    giving.pass_on(DrawWin.objects.get(), at=CLOSES, actor="staff:1", why="excluded")
    assert proof.record_of(Draw.objects.get())["standing"] == [0]
    assert proof.check(Draw.objects.get()) == []


# --- calling off ----------------------------------------------------------------------------------------------------
def test_a_draw_that_is_called_off_gives_every_point_back(program):
    draw = make_draw(program)
    members = crowd(program, make_ticket(draw), 3)
    publishing.call_off(draw, at=DURING, actor="staff:1")
    publishing.call_off(draw, at=DURING, actor="staff:1")
    assert drawing.draw_due(program, at=CLOSES + timedelta(days=1)).done == 3
    assert [points_of(one, at=DURING) for one in members] == [100] * 3
    draw.refresh_from_db()
    assert (draw.status, draw.standing, DrawResult.objects.count()) == ("called_off", 0, 0)
    drawn = make_draw(program, slug="other")
    drawing.draw_winners(drawn, at=CLOSES)
    with pytest.raises(DrawChanged):
        publishing.call_off(drawn, at=CLOSES, actor="staff:1")


# --- proof ----------------------------------------------------------------------------------------------------------
def tampered(record, **more):
    return record | more


def test_whatever_is_altered_in_a_record_is_found(program):
    draw = make_draw(program, winners=2)
    crowd(program, make_ticket(draw))
    drawing.draw_due(program, at=CLOSES)
    record = proof.record_of(Draw.objects.get())
    assert proof.problems(record) == []
    won, lost = record["winners"], [n for n, _holder in record["entries"] if n not in record["winners"]]
    wrong = [
        tampered(record, seed="0" * 64),
        tampered(record, seed_digest="0" * 64),
        tampered(record, entries=record["entries"][:-1]),
        tampered(record, entries=[*record["entries"], [7, "late"]]),
        tampered(record, entries=[[n, "x" if n == lost[0] else holder] for n, holder in record["entries"]]),
        tampered(record, winners=won[::-1]),
        tampered(record, winners=[lost[0], won[1]]),
        tampered(record, standing=[won[0], lost[0]]),
        tampered(record, withdrawn=[[lost[0], "cancelled"]]),
        tampered(record, passed=[[won[0], "left"]]),
        tampered(record, passed=[[lost[0], "left"]]),
        tampered(record, places=1),
        tampered(record, entries="none"),
        {},
        [],
        None,
    ]
    assert [one for one in wrong if not proof.problems(one)] == []


def test_what_proves_a_draw_cannot_be_changed_in_the_database(program, ani):
    draw = make_draw(program)
    give_points(ani, 100)
    buy(ani, make_ticket(draw))
    drawing.draw_due(program, at=CLOSES)
    attempts = [
        lambda: DrawPromise.objects.update(seed_digest="0" * 64),
        lambda: DrawEntry.objects.update(number=9),
        lambda: DrawEntry.objects.all()._raw_delete("default"),
        lambda: DrawResult.objects.update(numbers=[9]),
    ]
    for attempt in attempts:
        with pytest.raises(Exception, match="append-only"), transaction.atomic():
            attempt()


def test_the_database_refuses_what_no_verb_would_write(program, ani):
    draw = make_draw(program)
    wrong = [
        lambda: Draw.objects.update(limit_in_all=0),
        lambda: Draw.objects.update(withdrawn=1),
        lambda: Draw.objects.update(closes_at=OPENS),
        lambda: draw.prizes.update(points=0),
        lambda: draw.prizes.update(points=None),
        lambda: make_reward(program, "x", kind="draw"),
        lambda: make_reward(program, "y", draw=draw, draw_entries=1),
        lambda: make_reward(program, "z", kind="draw", draw=draw, draw_entries=0),
    ]
    for attempt in wrong:
        with pytest.raises(IntegrityError), transaction.atomic():
            attempt()


def test_a_winner_gets_points_with_their_reason_in_the_books(program, ani):
    give_points(ani, 100)
    buy(ani, make_ticket(make_draw(program)))
    drawing.draw_due(program, at=CLOSES)
    entry = Entry.objects.get(source="draw")
    assert (entry.amount, entry.reason, entry.explanation["prize"]) == (500, "A bicycle", "First prize")
    assert DrawWin.objects.get().credit == entry
