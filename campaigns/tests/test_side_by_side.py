"""Workers side by side write the books that one would have written, and nothing is lost or doubled when one of them dies."""

import os
import signal
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from campaigns import batches, side_by_side
from campaigns.batches import Report
from campaigns.importing import PurchaseImporter, part_of
from campaigns.models import Campaign
from campaigns.proving import prove
from campaigns.rows import Options
from campaigns.tests.games import card, start
from campaigns.tests.shop import add_campaign, add_rule, buy, open_shop
from campaigns.ways.models import WayTerms
from loyalty.common.spawned import Crew, WorkerLost
from loyalty.ledger.checking import verify
from loyalty.ledger.models import Entry, Lot
from loyalty.tests.racing import on_postgresql
from members.models import Member, Purchase, TierStay
from members.testing import make_member, make_program

NOW = datetime(2026, 6, 1, 1, tzinfo=UTC)
HEADER = "receipt,customer,email,date,amount,product,line_amount\n"
PARTS = 2


def processes(test):
    """Real workers, on the database of the test."""
    for mark in (pytest.mark.processes, pytest.mark.slow, *on_postgresql):
        test = mark(test)
    return test


def rows():
    """Forty customers' orders, of one line and of two, in no order; some said twice, some that cannot be taken.

    No customer buys twice at one instant: then batches of another size, too, settle one of the two again.
    """
    told = []
    for n in range(400):
        customer, day = f"C{n * 7 % 40}", f"2026-{1 + n * 11 % 5:02}-{1 + n * 3 % 28:02} 1{n % 10}:{n % 60:02}"
        mail, amount = f"{customer}@example.org" if n % 3 else "", 5 + n * 37 % 90
        if n % 5 == 0:
            told += [f"R{n},{customer},{mail},{day},{amount + 20},beans,{amount}", f"R{n},,,,,mug,20"]
        else:
            told.append(f"R{n},{customer},{mail},{day},{-5 if n % 67 == 0 else amount},,")
    return [*told, *told[:30], "R1,C7,,2026-01-01,999,,", "R9,C23,,2026-02-30,1,,", '"unclosed,C1,,2026-01-01,1,,']


def make_shop(slug):
    """A shop whose tiers and capped rule make what is earned depend on what came before."""
    program = open_shop(make_program(slug))
    add_rule(program, "double", {"award": {"kind": "multiplier", "by_tier": {"silver": "2"}}, "caps": {"month": "150"}})
    return program


def figures(program):
    """All that an import wrote, by the keys of the shop: row ids, member numbers and what is hashed of them differ anyway."""
    own = {"account__member_account__member__program": program}
    lot = ("granted", "remaining", "granted_at", "available_at", "expires_at", "is_pending", "rule_version")
    entry = ("number", "kind", "amount", "effective_at", "source", "reference", "actor", "explanation")
    key = "account__member_account__member__source_key"
    return {
        "members": list(Member.objects.filter(program=program).order_by("source_key").values_list("source_key", "email", "enrolled_at", "tier__slug", "member_accounts__account__available", "member_accounts__account__last_number")),
        "purchases": list(Purchase.objects.filter(program=program).order_by("receipt").values_list("receipt", "member__source_key", "occurred_at", "total", "points", "qualifying_points", "tier__slug", "explanation")),
        "lines": list(Purchase.objects.filter(program=program).order_by("receipt", "lines__number").values_list("receipt", "lines__product", "lines__amount", "lines__points")),
        "entries": list(Entry.objects.filter(**own).order_by(key, "number").values_list(key, *entry)),
        "lots": list(Lot.objects.filter(**own).order_by(key, "entry__number").values_list(key, *lot)),
        "stays": list(TierStay.objects.filter(member__program=program).order_by("member__source_key", "since", "tier__rank").values_list("member__source_key", "tier__slug", "since", "until", "cause", "measured")),
    }  # fmt: skip


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "sales.csv"
    path.write_text(HEADER + "\n".join(rows()) + "\n")
    return path


def load(program, file, workers=PARTS, **more):
    return side_by_side.import_file(program, file, options=Options(batch=25), at=NOW, workers=workers, **more)


def is_apart(program, file):
    importer = PurchaseImporter(program, Options(), NOW, "import")
    return side_by_side.is_apart(importer, batches.rows_of(importer, file)[0], PARTS)


def killed(program_id, path, options, at, actor, language, part, tell):
    """A worker that dies in its second batch."""

    def tell_and_die(said):
        os.kill(os.getpid(), signal.SIGKILL)

    side_by_side.work(program_id, path, options, at, actor, language, part, tell_and_die if part[0] else tell)


@processes
def test_two_workers_write_what_one_writes_and_a_file_sent_again_changes_nothing(file):
    one, two = make_shop("one"), make_shop("two")
    seen = []
    alone, both = load(one, file, workers=1), load(two, file, progress=lambda *told: seen.append(told[:2]))
    assert both == alone
    assert (alone.imported, alone.repeated > 20, alone.rejected > 5, alone.new_members) == (396, True, True, 40)
    assert figures(two) == figures(one)
    assert seen == sorted(seen)
    assert seen[-1] == (file.stat().st_size, file.stat().st_size)
    before = figures(two)
    again = load(two, file)
    assert (again.imported, again.repeated) == (0, alone.imported + alone.repeated)
    assert figures(two) == before
    assert [str(violation) for violation in verify()] == []
    assert prove(two, at=NOW).differences == []


@processes
def test_a_worker_that_is_killed_is_told_of_and_the_import_goes_on_when_it_is_started_again(file):
    one, two = make_shop("one"), make_shop("two")
    alone = load(one, file, workers=1)
    terms = (two.pk, str(file), Options(batch=25), NOW, "import", "en")
    with Crew(PARTS, database=connection.settings_dict["NAME"]) as crew:
        crew.begin(f"{__name__}:killed", [(*terms, (part, PARTS)) for part in range(PARTS)])
        with pytest.raises(WorkerLost):
            list(crew.told())
    there = Purchase.objects.filter(program=two).count()
    assert 0 < there < alone.imported
    again = load(two, file)
    assert (again.imported, again.repeated) == (alone.imported - there, alone.repeated + there)
    assert figures(two) == figures(one)
    assert [str(violation) for violation in verify()] == []


@pytest.mark.django_db
def test_parts_one_after_the_other_write_what_the_whole_file_writes(file):
    one, two = make_shop("one"), make_shop("two")
    whole = load(one, file, workers=1)
    parts = [
        batches.import_file(PurchaseImporter(two, Options(batch=25), NOW, "import", part=(part, 3)), file)
        for part in (2, 0, 1)
    ]
    assert side_by_side.together(parts) == whole
    assert figures(two) == figures(one)


@pytest.mark.django_db
def test_a_dry_run_keeps_nothing_however_many_workers_are_asked_for(file):
    program = make_shop("one")
    report = side_by_side.import_file(program, file, options=Options(dry_run=True), at=NOW, workers=PARTS)
    assert (report.imported > 100, Purchase.objects.count()) == (True, 0)


@pytest.mark.django_db
@pytest.mark.parametrize("told", ["receipt", "e-mail address"])
def test_what_two_customers_share_is_left_to_one_worker(file, told):
    program = make_shop("one")
    assert is_apart(program, file)
    mine = next(f"C{n}" for n in range(9) if part_of({"customer": f"C{n}"}, PARTS) == 0)
    other = next(f"D{n}" for n in range(9) if part_of({"customer": f"D{n}"}, PARTS) == 1)
    shared = {
        "receipt": [f"S1,{mine},,2026-03-01,5,,", f"S1,{other},,2026-03-02,5,,"],
        "e-mail address": [f"S1,{mine},a@example.org,2026-03-01,5,,", f"S2,{other},A@example.org,2026-03-02,5,,"],
    }[told]
    file.write_text(HEADER + "\n".join([shared[0], *rows()[:-1], shared[1]]) + "\n")
    assert not is_apart(program, file)


@pytest.mark.django_db
def test_a_budget_that_purchases_of_the_file_may_take_of_is_left_to_one_worker(file):
    program = make_shop("one")
    day = timedelta(days=1)
    over = add_campaign(program, "over", NOW - 400 * day, NOW - 300 * day, budget_points=100)
    ahead = add_campaign(program, "ahead", NOW + day, NOW + 30 * day, budget_points=100)
    assert is_apart(program, file)
    Campaign.objects.filter(pk=ahead.pk).update(early={"silver": 40})
    assert not is_apart(program, file)
    Campaign.objects.filter(pk=ahead.pk).update(early={})
    Campaign.objects.filter(pk=over.pk).update(until=NOW - 60 * day)
    assert not is_apart(program, file)
    Campaign.objects.filter(pk=over.pk).update(status=Campaign.Status.DRAFT)
    assert is_apart(program, file)
    after = add_campaign(program, "after", NOW - 2 * day, NOW + 30 * day, budget_points=100)
    assert is_apart(program, file)  # the file ends before it
    buy(make_member(program, "Ani"), "10", NOW - day)
    assert not is_apart(program, file)  # what is older than that is settled again
    assert after.budget_points == 100


@pytest.mark.django_db
def test_places_of_a_launch_bonus_and_challenges_are_left_to_one_worker(file):
    program = make_shop("one")
    terms = WayTerms.objects.create(program=program, launch_places=5, launch_given=5)
    assert is_apart(program, file)
    WayTerms.objects.filter(pk=terms.pk).update(launch_given=4)
    assert not is_apart(program, file)
    WayTerms.objects.filter(pk=terms.pk).update(launch_given=5)
    start(program, "card", card("3"))
    assert not is_apart(program, file)


def test_reports_of_parts_are_added_up_and_their_errors_put_in_the_order_of_lines():
    first, second = Report(rows=3, imported=2, rejected=1), Report(rows=2, imported=1, rejected=1, points=7)
    first.errors, second.errors = [{"line": 9}], [{"line": 4}]
    whole = side_by_side.together([first, second])
    assert (whole.rows, whole.imported, whole.rejected, whole.points) == (5, 3, 2, 7)
    assert [error["line"] for error in whole.errors] == [4, 9]
