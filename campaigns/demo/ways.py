"""The demo's ways to earn beyond spending: their rules and terms, a survey with answers, friends of every kind."""

from datetime import datetime, timedelta
from random import Random

from django.db import transaction

from campaigns import rules
from campaigns.models import Rule
from campaigns.ways import deeds, referral, rewarding, surveys
from campaigns.ways.models import EventKind, Question, Survey, WayTerms
from loyalty.ledger.models import Program
from members import enrolment
from members.models import Member

ACTOR = "job:load_demo"
# Kind of event, points, and the rule's name in three languages.
RULES = [
    ("signup", 100, "Welcome points", "Poin selamat datang", "Mata selamat datang"),
    ("birthday", 200, "Birthday gift", "Hadiah ulang tahun", "Hadiah hari jadi"),
    ("anniversary", 150, "A year with us", "Setahun bersama kami", "Setahun bersama kami"),
    ("referral", 500, "A friend brought", "Mengajak teman", "Membawa rakan"),
    ("referred", 250, "Brought by a friend", "Diajak teman", "Dibawa rakan"),
    ("referral_milestone", 1000, "Five friends", "Lima teman", "Lima rakan"),
    ("review", 50, "A review", "Ulasan", "Ulasan"),
    ("registration", 75, "A product registered", "Produk terdaftar", "Produk didaftarkan"),
    ("visit", 10, "A visit to the store", "Kunjungan ke toko", "Lawatan ke kedai"),
    ("share", 5, "Told others", "Bercerita ke orang lain", "Beritahu orang lain"),
    ("survey", 80, "A survey answered", "Survei dijawab", "Tinjauan dijawab"),
    ("profile", 60, "A complete profile", "Profil lengkap", "Profil lengkap"),
]
QUESTIONS = [
    ("nps", "How likely are you to recommend us to a friend?", "Seberapa besar kemungkinan Anda menyarankan kami kepada teman?", "Sejauh mana anda akan mengesyorkan kami kepada rakan?", ""),
    ("rating", "How did you like our listening rooms?", "Bagaimana menurut Anda ruang dengar kami?", "Bagaimana pendapat anda tentang bilik mendengar kami?", ""),
    ("choice", "What do you listen to most?", "Apa yang paling sering Anda dengarkan?", "Apakah yang paling kerap anda dengar?", "Vinyl\nCD\nStreaming"),
    ("text", "What should we do better?", "Apa yang sebaiknya kami perbaiki?", "Apakah yang patut kami perbaiki?", ""),
]  # fmt: skip
WORDS = ["More jazz, please.", "Longer hours on Friday!", "", "", "Lovely staff."]
ANSWERS = 60
FRIENDS = [
    ("Wayan Putra", "wayan.putra@example.com"),
    ("Mei Tan", "mei.tan@example.com"),
    ("Joko Susilo", "joko.susilo@example.com"),
]


def show_ways(program: Program, stars: list[Member], *, at: datetime) -> None:
    """Set the ways up and let something of each have happened, each in its own transaction. Doing it again keeps what is there."""
    if WayTerms.objects.filter(program=program).exists():
        return
    survey = _set_up(program, at=at)
    _answers(program, survey, at=at)
    if stars:
        _friends(program, stars[0], at=at)


@transaction.atomic
def _set_up(program: Program, *, at: datetime) -> Survey:
    """The terms, a rule for each way, a kind of event of the shop's own, and a survey that is open."""
    WayTerms.objects.create(program=program)
    for kind, points, name, name_id, name_ms in RULES:
        rule = Rule.objects.create(
            program=program, slug=f"for-{kind}".replace("_", "-"), name=name, name_id=name_id, name_ms=name_ms
        )
        definition = {"award": {"kind": "fixed", "points": str(points)}, "conditions": {"activity": kind}}
        rules.publish(rule, definition, since=at - timedelta(days=40), at=at, actor=ACTOR)
    EventKind.objects.create(
        program=program, slug="workshop", name="Workshop visited", name_id="Ikut lokakarya", name_ms="Sertai bengkel",
        most=1, once=EventKind.Once.DAY, fields=[{"name": "seats", "kind": "number", "needed": False}],
    )  # fmt: skip
    return _survey(program, at=at)


def _survey(program: Program, *, at: datetime) -> Survey:
    """A survey that is open."""
    survey = Survey.objects.create(
        program=program, slug="sound-check", name="Sound check", name_id="Cek suara", name_ms="Semakan bunyi",
        intro="Four questions, one minute.", intro_id="Empat pertanyaan, satu menit.", intro_ms="Empat soalan, satu minit.",
        since=at - timedelta(days=20), until=at + timedelta(days=40),
    )  # fmt: skip
    for position, (kind, text, text_id, text_ms, choices) in enumerate(QUESTIONS, start=1):
        Question.objects.create(
            survey=survey, position=position, kind=kind, text=text, text_id=text_id, text_ms=text_ms, choices=choices,
            is_needed=kind != Question.Kind.TEXT,
        )  # fmt: skip
    return survey


def _answers(program: Program, survey: Survey, *, at: datetime) -> None:
    """Some of those who came first answer it."""
    luck = Random(program.slug)
    for member in Member.objects.filter(program=program, status=Member.Status.ACTIVE).order_by("pk")[5 : 5 + ANSWERS]:
        replies = {
            1: luck.choice([10, 10, 9, 9, 8, 8, 7, 6, 4]),
            2: luck.randint(3, 5),
            3: luck.randint(0, 2),
            4: luck.choice(WORDS),
        }
        surveys.answer(survey, member, replies, at=at - timedelta(hours=luck.randint(1, 400)), actor=ACTOR)


def _friends(program: Program, star: Member, *, at: datetime) -> None:
    """Friends of one member: two who wait for their first purchase, and one held because the phone is known; and a product registered."""
    code = referral.code_of(star, at=at, actor=ACTOR).code
    for number, (name, email) in enumerate(FRIENDS):
        enrolment.enrol(
            program, at=at - timedelta(days=3 - number), actor=ACTOR, name=name, email=email, referral_code=code,
            phone="+62 811 1000 2000" if number else "", language="id", welcome=False,
        )  # fmt: skip
    rewarding.reward_due(program, at=at)
    deeds.register(star, "Turntable DP-300", "DP3-0042-7781", at=at, actor=ACTOR)
