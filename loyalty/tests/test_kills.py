"""Every sweep, job and posting killed before each of its statements and commits, then taken up again: nothing lost, nothing twice.

The end is the same, row by row, as if nothing had happened; for mail, which cannot be, at most one letter of a cause goes out.
"""

import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.db import connection

from loyalty.tests import forked

pytestmark = [pytest.mark.processes, pytest.mark.timeout(1800)]
OPENING = datetime(2026, 1, 1, 3, tzinfo=UTC)
NIGHT = datetime(2026, 2, 28, 17, 5, tzinfo=UTC)  # 1 March, 00:05 in Jakarta
MIDNIGHT = NIGHT - timedelta(minutes=5)
AGAIN = NIGHT + timedelta(minutes=16)
JOBS = [
    "release_holds", "activate_points", "expire_points", "expire_vouchers", "verify_books", "anchor_books",
    "forget_answers", "forget_letters", "remind_expiry", "review_tiers",
]  # fmt: skip
RANDOM_BY_NATURE = (
    "members.member.number", "mail.message.subject", "mail.message.recipient",
    "rewards.voucher.code", "rewards.voucher.code_digest", "mail.message.context",
    "members.purchase.digest",
)  # fmt: skip


def a_busy_night():
    """Something for every job to do, in more than one batch each."""
    from campaigns import reminders
    from campaigns.tests.shop import open_shop
    from loyalty.ledger import activation, clawback, expiry, holds, posting
    from loyalty.ledger.models import Program, Wallet
    from loyalty.mail import forgetting
    from loyalty.pos import idempotency, keys
    from loyalty.pos.models import IdempotencyRecord
    from members.enrolment import main_account
    from members.testing import give_points, make_member, make_program
    from members.tiers import reviewing
    from rewards import redemption, vouchers
    from rewards.testing import make_reward

    expiry.CHUNK = activation.CHUNK = reminders.CHUNK = idempotency.SWEEP_BATCH = vouchers.SWEEP_BATCH = 2
    reviewing.CHUNK = forgetting.BATCH = 2
    holds.CHUNK = 1
    if Program.objects.exists():
        return Program.objects.get()
    program = open_shop(make_program())
    reward = make_reward(program, cost=10, voucher_days=30)
    api_key, _ = keys.create(program, name="till", scopes=["purchases:write"], at=OPENING, actor="t")
    for number, name in enumerate(("Ani", "Budi", "Siti", "Dewi")):
        member = make_member(program, name)
        account = main_account(member).id
        order = give_points(member, 100)
        redemption.redeem(member, reward, at=OPENING, reference=f"first-{name}", source="t", actor="t")
        give_points(member, 30, expires_at=MIDNIGHT - timedelta(days=number))
        give_points(member, 20, expires_at=MIDNIGHT)
        give_points(member, 40, expires_at=MIDNIGHT + timedelta(days=9, hours=number))
        Wallet.objects.filter(program=program).update(activation_days=59)
        waiting = give_points(member, 15)
        Wallet.objects.filter(program=program).update(activation_days=0)
        assert waiting.lot.available_at == MIDNIGHT
        at = MIDNIGHT - timedelta(days=1)
        if number % 2:
            words = {"at": at - timedelta(hours=1), "source": "t", "actor": "t"}
            posting.redeem(account, points_left(account, words["at"]), reference="all", **words)
            clawback.claw_back(order, 12, reference="returned", **words)
        else:
            holds.hold(account, 25, at=at, reference="hold", source="t", actor="t")
        IdempotencyRecord.objects.create(
            api_key=api_key, key=f"k{number}", request_digest="0" * 64, status=200, body="{}", created_at=OPENING - timedelta(days=60)
        )  # fmt: skip
    some_tiers_to_review(program)
    some_letters_to_forget()
    return program


def some_letters_to_forget():
    """One old letter to each of the cast, which arrived."""
    from loyalty.mail.models import Message
    from members.models import Member

    old = {"kind": "welcome", "context": {"name": "x"}, "status": "sent", "queued_at": NIGHT - timedelta(days=500)}
    for member in Member.objects.order_by("id"):
        Message.objects.create(recipient=member.number, address=member.email, subject="old", due_at=NIGHT, **old)


def some_tiers_to_review(program):
    """Three of the cast are lowered on the night, since nothing of the last month keeps their tier."""
    from campaigns.purchases import record
    from campaigns.tests.shop import sale
    from members.models import Member, TierPolicy, TierStay

    terms = {"window": "rolling", "months": 1, "review": "months", "review_months": 1, "grace_days": 0}
    TierPolicy.objects.filter(program=program).update(**terms)
    for member in Member.objects.filter(program=program).order_by("id")[:3]:
        at = MIDNIGHT - timedelta(days=40)
        record(program, sale(member, "1000", at, receipt=f"lifted-{member.name}"), at=at, actor="t")
    assert TierStay.objects.filter(until=None, review_at__lte=MIDNIGHT).count() == 3


def points_left(account, at):
    from loyalty.ledger.statements import balance

    return balance(account, at=at).available


def nudge(job, at):
    """Look for due work as the worker does, with only this job there."""
    from django.conf import settings

    from loyalty.jobs import nudging

    settings.SETIA_JOBS = {job: settings.SETIA_JOBS[job]}
    with time_machine.travel(NIGHT, tick=False):
        nudging.nudge(at)


def how_it_ended(job):
    from loyalty.jobs.models import JobRun

    runs = list(JobRun.objects.filter(job=job, business_date__isnull=False).values_list("status", flat=True))
    return [runs, forked.state()]


def kills_of_a_job(job, every):
    """What went wrong when the job was killed before each step of its night (or every n-th) and taken up later."""
    forked.alone(lambda: a_busy_night() and None)
    a_busy_night()
    with forked.copied_database():
        steps = forked.steps_of(lambda: nudge(job, NIGHT))
    with forked.copied_database():
        forked.alone(lambda: nudge(job, NIGHT))
        whole = forked.alone(lambda: how_it_ended(job))
    wrong = []
    for step in range(1, steps + 1, every):
        with forked.copied_database():
            killed = forked.killed_before(step, lambda: nudge(job, NIGHT))
            forked.alone(lambda: nudge(job, AGAIN))
            ended = forked.alone(lambda: how_it_ended(job))
        if not killed or ended[0] != whole[0] or ended[1] != whole[1]:
            wrong.append([step, killed, ended[0], forked.difference(ended[1], whole[1])])
    return [steps, whole[0], wrong[:3]]


def kills_at_random_times(job, times):
    """As `kills_of_a_job`, from outside, at times nobody chose."""
    forked.alone(lambda: a_busy_night() and None)
    a_busy_night()
    with forked.copied_database():
        began = time.monotonic()
        forked.alone(lambda: nudge(job, NIGHT))
        lasts = time.monotonic() - began
        whole = forked.alone(lambda: how_it_ended(job))
    dice, wrong, killed = random.Random(4), [], 0
    for _ in range(times):
        with forked.copied_database():
            child = forked.Child(lambda: nudge(job, NIGHT))
            time.sleep(dice.uniform(0, lasts))
            child.kill()
            killed += child.end()[0] == "killed"
            forked.alone(lambda: nudge(job, AGAIN))
            ended = forked.alone(lambda: how_it_ended(job))
        if ended != whole:
            wrong.append([ended[0], forked.difference(ended[1], whole[1])])
    return [killed > 0, wrong[:3]]


# --- Postings: before, after, and nothing between ---------------------------------------------------------------------
def record_a_sale():
    from campaigns.purchases import record
    from campaigns.tests.shop import sale
    from members.models import Member

    member = Member.objects.get(name="Ani")
    bought = sale(member, "1200", NIGHT - timedelta(hours=1), receipt="R-1")
    return record(member.program, bought, at=NIGHT, actor="t").points


def import_sales(folder):
    from campaigns.importing import Options, import_file
    from loyalty.ledger.models import Program

    options = Options(source="import", batch=3)
    import_file(Program.objects.get(), folder, options=options, at=NIGHT)


def import_refunds(folder):
    """Of the purchases that the same import brought: some by amount, one of an order nobody knows."""
    from campaigns.batches import import_file
    from campaigns.importing_refunds import RefundImporter
    from campaigns.rows import Options
    from loyalty.ledger.models import Program

    import_sales(folder)
    file = Path(folder).with_name("refunds.csv")
    rows = [f"R{n},B{n},2026-02-2{n},{n}0.00\n" for n in (1, 3, 5, 7)]
    file.write_text("receipt,number,date,amount\n" + "".join(rows) + "R99,B9,2026-02-20,5\n")
    import_file(RefundImporter(Program.objects.get(), Options(batch=2), NIGHT, "import"), file)


def import_events(folder):
    """Reviews of the cast, each of which earns something."""
    from campaigns.batches import import_file
    from campaigns.importing_events import EventImporter
    from campaigns.rows import Options
    from campaigns.tests.shop import add_rule
    from loyalty.ledger.models import Program
    from members.models import Member

    program = Program.objects.get()
    if not program.rules.filter(slug="review").exists():
        add_rule(program, "review", {"award": {"kind": "fixed", "points": "5"}, "conditions": {"activity": "review"}})
    file = Path(folder).with_name("events.csv")
    numbers = list(Member.objects.order_by("id").values_list("number", flat=True))
    rows = [f"E{n},review,2026-02-1{n},{number}\n" for n, number in enumerate(numbers)]
    file.write_text("key,kind,date,member\n" + "".join(rows))
    import_file(EventImporter(program, Options(batch=2), NIGHT, "import"), file)


def confirm_an_order():
    """The shop reports the delivery, then the purchase whose points waited for it."""
    from campaigns import confirmations
    from campaigns.purchases import record
    from campaigns.tests.shop import sale
    from loyalty.ledger import policies
    from loyalty.ledger.models import ExpiryPolicy
    from members.models import Member

    member = Member.objects.get(name="Ani")
    if not ExpiryPolicy.objects.exclude(confirmed_by="").exists():
        terms = {"confirmed_by": "delivered", "confirm_days": 30}
        policies.set_expiry(member.program.wallets.get(), kind="months", count=12, at=OPENING, actor="t", **terms)
    happened = confirmations.Happened("test", "R-1", "delivered", NIGHT - timedelta(minutes=30))
    confirmations.confirm(member.program, happened, at=NIGHT, actor="t")
    bought = sale(member, "1200", NIGHT - timedelta(hours=1), receipt="R-1")
    return record(member.program, bought, at=NIGHT, actor="t").points


def redeem():
    from members.models import Member
    from rewards import redemption
    from rewards.models import Reward

    member = Member.objects.get(name="Ani")
    words = {"at": NIGHT, "reference": "wish", "source": "t", "actor": "t"}
    return redemption.redeem(member, Reward.objects.get(), **words).cost


def cancel():
    from rewards import redemption
    from rewards.models import Redemption

    made = Redemption.objects.get(reference="first-Ani")
    return redemption.cancel(made, at=OPENING + timedelta(days=2), actor="t", by_member=False).status


def hold_and_capture():
    from loyalty.ledger import holds
    from members.enrolment import main_account
    from members.models import Member

    account = main_account(Member.objects.get(name="Siti")).id
    held = holds.hold(account, 5, at=NIGHT, reference="till", source="t", actor="t")
    return holds.capture(held, at=NIGHT, actor="t").amount


def take_back():
    from loyalty.ledger import clawback
    from loyalty.ledger.models import Entry

    order = Entry.objects.filter(kind="accrual").earliest("id")
    return clawback.claw_back(order, 60, at=NIGHT, reference="back", source="t", actor="t").amount


def pass_on():
    from loyalty.ledger import transfers
    from loyalty.ledger.models import Wallet
    from members.enrolment import main_account
    from members.models import Member

    Wallet.objects.update(transfer_limit=100)
    ani, siti = (main_account(Member.objects.get(name=name)).id for name in ("Ani", "Siti"))
    return transfers.transfer(ani, siti, 30, at=NIGHT, reference="gift", source="t", actor="t").amount


def enrol_tono():
    from loyalty.ledger.models import Program
    from members.enrolment import enrol

    words = {"name": "Tono", "email": "tono@example.com", "source": "shop", "source_key": "9"}
    return enrol(Program.objects.get(), at=NIGHT, actor="t", **words).name


POSTINGS = {
    posting.__name__: posting
    for posting in (
        record_a_sale, redeem, cancel, hold_and_capture, take_back, pass_on, enrol_tono, confirm_an_order,
    )
}  # fmt: skip
IMPORTS = {story.__name__: story for story in (import_sales, import_refunds, import_events)}


def kills_of_a_posting(name, every, folder=""):
    """What went wrong when a posting was killed before each step and sent once more."""
    post = POSTINGS[name] if name in POSTINGS else lambda: IMPORTS[name](folder)
    forked.alone(lambda: a_busy_night() and None)

    def state():
        return forked.state(but=RANDOM_BY_NATURE)

    with forked.copied_database():
        steps = forked.steps_of(post)
    with forked.copied_database():
        forked.alone(post)
        whole = forked.alone(state)
    wrong = []
    for step in range(1, steps + 1, every):
        with forked.copied_database():
            killed = forked.killed_before(step, post)
            forked.alone(post)
            ended = forked.alone(state)
        if not killed or ended != whole:
            wrong.append([step, killed, forked.difference(ended, whole)])
    return [steps, wrong[:3]]


# --- Mail -------------------------------------------------------------------------------------------------------------
def kills_of_the_postman(every, folder):
    """What went wrong when the postman was killed: letters that went out twice, or that nobody knows of."""
    from django.conf import settings

    from loyalty.mail import delivery, outbox
    from loyalty.mail.models import Message

    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "django.core.mail.backends.filebased.EmailBackend", folder
    delivery.BATCH = 2

    def write():
        for number in range(5):
            outbox.queue(
                recipient=str(number), address=f"m{number}@example.com", language="en", kind="welcome", subject="x",
                context={"name": "Ani", "number": str(number), "program": "Kopi"}, at=NIGHT,
            )  # fmt: skip

    def deliver(at):
        with time_machine.travel(at, tick=False):
            delivery.deliver_due(at=at)

    forked.alone(write)
    with forked.copied_database():
        steps = forked.steps_of(lambda: deliver(NIGHT))
    wrong, uncertain = [], 0
    for step in range(1, steps + 1, every):
        for file in Path(folder).iterdir():
            file.unlink()
        with forked.copied_database():
            killed = forked.killed_before(step, lambda: deliver(NIGHT))
            forked.alone(lambda: deliver(AGAIN))
            kept = forked.alone(lambda: dict(Message.objects.values_list("pk", "status")))
        out = [
            line
            for file in Path(folder).iterdir()
            for line in file.read_text().splitlines()
            if line.startswith("Message-ID")
        ]
        sent = {f"Message-ID: <setia-letter-{pk}@setia.example>" for pk, status in kept.items() if status == "sent"}
        doubted = [pk for pk, status in kept.items() if status == "uncertain"]
        uncertain += len(doubted)
        all_told = len(kept) == len(sent) + len(doubted) == 5 and len(doubted) <= 2
        if not (killed and all_told and len(out) == len(set(out)) and sent <= set(out)):
            wrong.append([step, killed, kept, out])
    return [steps, uncertain > 0, wrong[:3]]


# --- Tests ------------------------------------------------------------------------------------------------------------
def sales(folder):
    file = folder / "sales.csv"
    rows = [f"R{n},C{n % 4},2026-02-{1 + n:02},{n}00.00\n" for n in range(1, 11)]
    file.write_text("receipt,customer,date,amount\n" + "".join(rows))
    return str(file)


def test_a_sweep_killed_here_and_there_ends_as_if_nothing_had_happened(house):
    steps, runs, wrong = house.play(kills_of_a_job, job="expire_points", every=17)
    assert (wrong, steps > 17, runs) == ([], True, ["done"])


@pytest.mark.exhaustive
@pytest.mark.parametrize("job", JOBS)
def test_a_job_killed_before_any_of_its_statements_ends_as_if_nothing_had_happened(house, job):
    steps, runs, wrong = house.play(kills_of_a_job, job=job, every=1)
    assert (wrong, steps > 8, runs) == ([], True, [] if job == "release_holds" else ["done"])


@pytest.mark.exhaustive
@pytest.mark.parametrize("job", ["activate_points", "expire_points"])
def test_a_job_killed_at_any_time_ends_as_if_nothing_had_happened(house, job):
    assert house.play(kills_at_random_times, job=job, times=25) == [True, []]


# A killed transaction gives numbers of PostgreSQL's sequences not back: new members get others there, and what is confirmed
# tells of another lot, so that these can be compared row by row on SQLite only. The kills of imports on both engines are in
# campaigns/tests/test_import_kill.py.
COMPARED = ["redeem", *(["confirm_an_order", *IMPORTS] if connection.vendor == "sqlite" else ["import_events"])]


@pytest.mark.parametrize("posting", COMPARED)
def test_a_posting_killed_here_and_there_and_sent_again_counts_once(house, tmp_path, posting):
    every = 47 if posting in ("import_refunds", "import_events") else 11  # they go row by row: many more statements
    steps, wrong = house.play(kills_of_a_posting, name=posting, every=every, folder=sales(tmp_path))
    assert (wrong, steps > 6) == ([], True)


@pytest.mark.exhaustive
@pytest.mark.parametrize("posting", [*POSTINGS, *(name for name in COMPARED if name in IMPORTS)])
def test_a_posting_killed_before_any_of_its_statements_and_sent_again_counts_once(house, tmp_path, posting):
    assert house.play(kills_of_a_posting, name=posting, every=1, folder=sales(tmp_path))[1] == []


@pytest.mark.exhaustive
def test_a_postman_killed_anywhere_sends_no_letter_twice_and_leaves_none_unaccounted_for(house, tmp_path):
    letters = tmp_path / "letters"
    letters.mkdir()
    steps, some_in_doubt, wrong = house.play(kills_of_the_postman, every=1, folder=str(letters))
    assert (wrong, steps > 5, some_in_doubt) == ([], True, True)
