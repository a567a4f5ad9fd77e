"""The portal's pages of ways to earn: bringing friends, joining by a link, surveys, visits, registrations, reviews."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns.ways import deeds, overview, referral, surveys
from campaigns.ways.forms import JoinForm, RegistrationForm, ReviewForm
from campaigns.ways.models import Question, ReferralCode, Survey
from loyalty.common.clock import local_day
from loyalty.common.errors import Refusal
from loyalty.pos.models import Store
from members import enrolment
from members.models import Member
from members.portal import member_page

JOINS_AN_HOUR = 20


@require_GET
@member_page
def show_ways(request: HttpRequest) -> HttpResponse:
    """What earns points beyond shopping, and how many."""
    return render(request, "ways/ways.html", overview.ways(request.member, at=timezone.now()))


@require_GET
@member_page
def show_friends(request: HttpRequest) -> HttpResponse:
    """The member's code, link and QR, what both get, and who came."""
    at = timezone.now()
    code = referral.code_of(request.member, at=at, actor=f"member:{request.member.number}")
    link = request.build_absolute_uri(reverse("portal_join", args=[code.code]))
    shown = {"code": code.code, "link": link, "channels": deeds.CHANNELS.items()}
    return render(request, "ways/friends.html", shown | overview.friends(request.member, at=at))


@require_POST
@member_page
def say_shared(request: HttpRequest) -> HttpResponse:
    """The member says where they told others."""
    at, channel = timezone.now(), request.POST.get("channel", "")
    try:
        event, is_new = deeds.share(request.member, channel, at=at, actor=f"member:{request.member.number}")
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        _thank(request, event.points if event and is_new else 0, is_new=is_new)
    return redirect("portal_friends")


@never_cache
@require_http_methods(["GET", "POST"])
def join(request: HttpRequest, code: str) -> HttpResponse:
    """A friend joins by a link. Whether an address is known already is not told here: both read the same."""
    at = timezone.now()
    found = get_object_or_404(ReferralCode.objects.select_related("member__program"), code=code[:12])
    program = found.member.program
    form = JoinForm(request.POST or None, today=local_day(at, program.time_zone))
    shown = {"form": form, "program": program, "friend": found.member} | overview.promise(found.member, at=at)
    if request.method == "GET" or not form.is_valid():
        return render(request, "ways/join.html", shown)
    if _too_many(request):
        messages.error(request, _("Many people joined from here within the hour. Please try again later."))
        return render(request, "ways/join.html", shown, status=429)
    told = form.cleaned_data
    try:
        enrolment.enrol(
            program, at=at, actor="portal:join", name=told["name"], email=told["email"], birthday=told["birthday"],
            language=(get_language() or "en").split("-")[0], referral_code=code,
        )  # fmt: skip
    except enrolment.EmailTaken:
        pass
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return render(request, "ways/join.html", shown)
    return render(request, "ways/joined.html", shown | {"email": told["email"]})


@require_http_methods(["GET", "POST"])
@member_page
def answer_survey(request: HttpRequest, slug: str) -> HttpResponse:
    """The questions of a survey; answered once."""
    member, at = request.member, timezone.now()
    survey = get_object_or_404(Survey, program=member.program, slug=slug)
    questions, errors, replies = list(survey.questions.order_by("position")), {}, {}
    if request.method == "POST":
        replies = _replies(request, questions)
        try:
            made, is_new = surveys.answer(survey, member, replies, at=at, actor=f"member:{member.number}")
        except surveys.AnswersRefused as refusal:
            errors = refusal.numbers["errors"]
            messages.error(request, str(refusal))
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            _thank(request, made.points if is_new else 0, is_new=is_new)
            return redirect("portal_ways")
    shown = {
        "survey": survey, "is_open": survey.since <= at < survey.until, **_worth(member, surveys.SURVEY, at),
        "is_answered": survey.answers.filter(member=member).exists(),
        "questions": [_shown(one, replies.get(one.position), errors.get(str(one.position))) for one in questions],
    }  # fmt: skip
    return render(request, "ways/survey.html", shown, status=422 if errors else 200)


@require_http_methods(["GET", "POST"])
@member_page
def visit(request: HttpRequest, store: str) -> HttpResponse:
    """A member scanned a store's code: one tap, once a day."""
    member, at = request.member, timezone.now()
    found = get_object_or_404(Store, program=member.program, code=store, is_active=True)
    if request.method == "POST":
        event, is_new = deeds.visit(member, found, at=at, actor=f"member:{member.number}")
        _thank(request, event.points if event and is_new else 0, is_new=is_new)
        return redirect("portal_home")
    return render(request, "ways/visit.html", {"store": found} | _worth(member, deeds.VISIT, at))


@require_http_methods(["GET", "POST"])
@member_page
def register_product(request: HttpRequest) -> HttpResponse:
    """A serial number, once."""
    member, at = request.member, timezone.now()
    form = RegistrationForm(request.POST or None)
    if form.is_valid():
        try:
            made = deeds.register(member, **form.cleaned_data, at=at, actor=f"member:{member.number}")
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            _thank(request, made.points if made.registered_at == at else 0, is_new=made.registered_at == at)
            return redirect("portal_registrations")
    shown = {"form": form, **_worth(member, deeds.REGISTRATION, at), "mine": member.registrations.order_by("-pk")[:50]}
    return render(request, "ways/registrations.html", shown)


@require_http_methods(["GET", "POST"])
@member_page
def review(request: HttpRequest) -> HttpResponse:
    """Stars and words about what one bought."""
    member, at = request.member, timezone.now()
    products = deeds.products_to_review(member)
    form = ReviewForm(request.POST or None, products=products)
    if form.is_valid():
        try:
            made = deeds.write_review(member, **form.cleaned_data, at=at, actor=f"member:{member.number}")
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            if made.status == made.Status.WAITING:
                messages.success(request, _("Thank you. We read it soon; what it earns comes then."))
            else:
                _thank(request, made.points, is_new=True)
            return redirect("portal_reviews")
    shown = {
        "form": form,
        "products": products,
        **_worth(member, deeds.REVIEW, at),
        "mine": member.reviews.order_by("-pk")[:50],
    }
    return render(request, "ways/reviews.html", shown)


def _worth(member: Member, kind: str, at: datetime) -> dict[str, Any]:
    """What one event of a kind would earn now, as a number and in words."""
    points = overview.worth(member, kind, at=at)
    return {"points": points, "worth": overview.shown_points(member, points)}


def _thank(request: HttpRequest, points: int, *, is_new: bool) -> None:
    """Say what it earned."""
    if not is_new:
        messages.info(request, _("We have this from you already. It counts once."))
    elif points:
        shown = overview.shown_points(request.member, points)
        messages.success(request, _("Thank you! You earned %(points)s.") % {"points": shown})
    else:
        messages.success(request, _("Thank you!"))


def _too_many(request: HttpRequest) -> bool:
    """Whether too many people joined from one address within the hour."""
    counter = f"setia:joins:{request.META.get('REMOTE_ADDR', '')}"
    cache.add(counter, 0, 3600)
    return cache.incr(counter) > JOINS_AN_HOUR


def _replies(request: HttpRequest, questions: list[Question]) -> dict[int, Any]:
    """The replies of the form, by position."""
    found: dict[int, Any] = {}
    for one in questions:
        told = request.POST.get(f"q{one.position}", "").strip()
        is_number = one.kind != Question.Kind.TEXT and told.isascii() and told.isdecimal() and len(told) < 4
        found[one.position] = int(told) if is_number else told
    return found


def _shown(question: Question, reply: Any, error: str | None) -> dict[str, Any]:
    """A question as the page draws it."""
    low, high = (0, 0) if question.kind == Question.Kind.TEXT else surveys.limits(question)
    names = surveys.choices(question) if question.kind == Question.Kind.CHOICE else range(low, high + 1)
    return {
        "question": question, "name": f"q{question.position}", "reply": reply, "error": error,
        "choices": [] if question.kind == Question.Kind.TEXT else list(enumerate(names, start=low)),
    }  # fmt: skip
