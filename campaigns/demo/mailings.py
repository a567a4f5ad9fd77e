"""What the demo's marketers wrote: news to last year's customers three weeks ago, with what came of it, and an invitation that is scheduled."""

from datetime import datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F

from campaigns.demo.program import ZONE
from campaigns.mailings import course, sending
from campaigns.mailings.models import Mailing
from loyalty.common.clock import local_day
from loyalty.ledger.models import Program
from loyalty.mail import blocking, halting
from loyalty.mail.blocking import Event
from loyalty.mail.models import BlockedAddress, Message
from members import consents
from members.models import Consent, Member
from members.segments import saving
from members.segments.models import Segment

MOST, AGREEING = 700, 0.8
BOUNCED, COMPLAINED, UNCERTAIN, LEFT = 4, 1, 2, 6
LAST_YEAR = {"match": "all", "groups": [{"match": "all", "conditions": [{"about": "bought", "most": 365}]}]}
NEWS = {
    "name": "Autumn pressings", "subject": "The autumn pressings are in, {{ name }}",
    "subject_id": "Rilisan musim gugur sudah tiba, {{ name }}", "subject_ms": "Keluaran musim luruh sudah tiba, {{ name }}",
    "text": "Hello {{ name }},\n\nforty new pressings are on the shelves of our stores.\nYou can still spend {{ balance }} on them.\n\n{{ link }}",
    "text_id": "Halo {{ name }},\n\nempat puluh rilisan baru ada di rak toko kami.\nAnda masih bisa memakai {{ balance }}.\n\n{{ link }}",
    "text_ms": "Helo {{ name }},\n\nempat puluh keluaran baharu ada di rak kedai kami.\nAnda masih boleh menggunakan {{ balance }}.\n\n{{ link }}",
}  # fmt: skip
FAIR = {
    "name": "Invitation to the record fair", "subject": "Come to the record fair",
    "subject_id": "Datanglah ke bursa piringan hitam", "subject_ms": "Datanglah ke pesta piring hitam",
    "text": "Hello {{ name }},\n\nas a member of tier {{ tier }} you may come in an hour early.\n\n{{ link }}",
    "text_id": "Halo {{ name }},\n\nsebagai anggota tingkat {{ tier }} Anda boleh masuk satu jam lebih awal.\n\n{{ link }}",
    "text_ms": "Helo {{ name }},\n\nsebagai ahli peringkat {{ tier }} anda boleh masuk satu jam lebih awal.\n\n{{ link }}",
}  # fmt: skip


@transaction.atomic
def add_mailings(program: Program, *, at: datetime, actor: str) -> None:
    """One mailing that went out and one that will, once."""
    if Mailing.objects.filter(program=program).exists():
        return
    start = _at_ten(at, days=-22)
    segment = Segment(program=program, slug="last-year", name="Bought in a year", name_id="Belanja dalam setahun", name_ms="Membeli dalam setahun", note="At least once in the last twelve months.", definition=LAST_YEAR)  # fmt: skip
    saving.save(segment, at=at, actor=actor)
    _agree(program, at=start - timedelta(days=30))
    told = {"program": program, "segment": segment, "control_percent": 20, "created_by": actor}
    sent = Mailing.objects.create(created_at=start, **told, **NEWS)
    course.ask(sent, at=start, actor=actor)
    for instant in (start, start + timedelta(minutes=10)):
        sending.send_due(program, at=instant)
    _deliver(sent, at=start + timedelta(minutes=11))
    sending.send_due(program, at=start + timedelta(minutes=12))
    later = Mailing.objects.create(starts_at=_at_ten(at, days=8), created_at=at, pace=300, **told, **FAIR)
    course.ask(later, at=at, actor=actor)


def _at_ten(at: datetime, *, days: int) -> datetime:
    """10:00 of a day in the clock of the program."""
    return datetime.combine(local_day(at, ZONE) + timedelta(days=days), time(10), tzinfo=ZoneInfo(ZONE))


def _agree(program: Program, *, at: datetime) -> None:
    """Most of some customers agreed to news by e-mail, in the portal."""
    some = Member.objects.filter(program=program, status=Member.Status.ACTIVE, enrolled_at__lte=at).exclude(email="")
    Consent.objects.bulk_create(
        Consent(
            member_id=pk, channel=Consent.Channel.EMAIL, purpose=Consent.Purpose.MARKETING, is_given=True, at=at, recorded_at=at,
            source=Consent.Source.PORTAL, recorded_by=f"member:{number}",
        )
        for pk, number in some.order_by("-pk").values_list("pk", "number")[:MOST]
        if Random(f"setia news {number}").random() < AGREEING
    )  # fmt: skip


def _deliver(mailing: Mailing, *, at: datetime) -> None:
    """What the mail system made of the letters: most arrived, a few came back, and some readers left."""
    letters = halting.letters_of(mailing.about)
    letters.update(status=Message.Status.SENT, claimed_at=at, sent_at=at, attempts=F("attempts") + 1)
    some = list(letters.order_by("id")[: BOUNCED + COMPLAINED + UNCERTAIN + LEFT])
    back, others = some[: BOUNCED + COMPLAINED], some[BOUNCED + COMPLAINED :]
    reasons = [BlockedAddress.Reason.BOUNCE] * BOUNCED + [BlockedAddress.Reason.COMPLAINT] * COMPLAINED
    said = {BlockedAddress.Reason.BOUNCE: "550 no such user", BlockedAddress.Reason.COMPLAINT: "reported as spam"}
    events = [Event(letter.address.lower(), why, at, said[why], letter.pk) for letter, why in zip(back, reasons, strict=False)]  # fmt: skip
    blocking.take_events(events, actor="mail events")
    lost, leaving = others[:UNCERTAIN], others[UNCERTAIN:]
    letters.filter(pk__in=[letter.pk for letter in lost]).update(status=Message.Status.UNCERTAIN, sent_at=None)
    letters.filter(pk__in=[letter.pk for letter in leaving]).update(unsubscribed_at=at + timedelta(hours=3))
    for letter in leaving:
        reader = Member.objects.get(number=letter.recipient)
        consents.withdraw(reader, "email", "marketing", at=at + timedelta(hours=3), source="letter", actor=f"member:{reader.number}")  # fmt: skip
