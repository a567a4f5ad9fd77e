"""The built-in survey: would you recommend us, from 0 to 10, and why. Its score is the program's NPS (DOMAIN 13.1)."""

from datetime import datetime, timedelta

from django.db import transaction

from campaigns.ways.models import Question, Survey
from loyalty.common.clock import local_day
from loyalty.ledger.models import Program

OPEN_FOR = timedelta(days=30)
# In English, Indonesian and Malay.
NAMES = ("Would you recommend us?", "Apakah Anda merekomendasikan kami?", "Adakah anda mengesyorkan kami?")
INTROS = ("Two questions, half a minute.", "Dua pertanyaan, setengah menit.", "Dua soalan, setengah minit.")
QUESTIONS = [
    (
        Question.Kind.NPS,
        "How likely are you to recommend us to a friend?",
        "Seberapa besar kemungkinan Anda merekomendasikan kami kepada teman?",
        "Sejauh manakah anda akan mengesyorkan kami kepada rakan?",
    ),
    (Question.Kind.TEXT, "Why?", "Mengapa?", "Mengapa?"),
]


@transaction.atomic
def ask_for_recommendation(program: Program, *, at: datetime) -> Survey:
    """Open the built-in survey for thirty days; once a month of the program clock, again it returns the one there is."""
    slug = f"nps-{local_day(at, program.time_zone):%Y-%m}"
    fields = {"name": NAMES, "intro": INTROS}
    texts = {f"{name}{end}": text for name, told in fields.items() for end, text in zip(("", "_id", "_ms"), told, strict=True)}  # fmt: skip
    survey, is_new = Survey.objects.get_or_create(
        program=program, slug=slug, defaults=texts | {"since": at, "until": at + OPEN_FOR}
    )
    if is_new:
        Question.objects.bulk_create(
            Question(
                survey=survey, position=position, kind=kind, text=text, text_id=text_id, text_ms=text_ms,
                is_needed=kind == Question.Kind.NPS,
            )
            for position, (kind, text, text_id, text_ms) in enumerate(QUESTIONS, start=1)
        )  # fmt: skip
    return survey
