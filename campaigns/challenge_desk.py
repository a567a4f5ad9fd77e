"""Challenges on the desk: written in plain fields, set live, paused and ended; and the prizes that members won."""

from datetime import timedelta
from itertools import chain
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from campaigns import audience, challenge_panels, rule_fields
from campaigns.challenge_forms import GROUPS, KEPT_BY, TERMS_OF, ChallengeForm
from campaigns.challenges import prizes, publishing
from campaigns.desk_terms import TITLES
from campaigns.models import Campaign, Challenge, Prize
from campaigns.scoped import ProgramScoped
from campaigns.showing import STATES, TONES, StateFilter
from loyalty.backoffice import BookAdmin, actor_of
from loyalty.common.clock import add_months, day_start, local_day
from loyalty.desk import programs
from loyalty.desk.dates import MidnightByDefault
from loyalty.desk.deeds import deed
from loyalty.desk.panels import Stat, badge, day
from members.desk import more_panels

Status = Campaign.Status


def _rows(group: str) -> list[str]:
    """The condition fields of a group; what this installation cannot judge is not offered."""
    return [name for name in GROUPS[group] if name != "segments" or audience.has_segments()]


@admin.register(Challenge)
class ChallengeAdmin(ProgramScoped):
    """Challenges of the program being looked at."""

    form = ChallengeForm
    list_display = ["name", "shown_kind", "shown_status", "shown_terms", "shown_dates"]
    list_filter = [StateFilter, "kind"]
    search_fields = ["name"]
    in_command_search = True
    command_icon = "trophy"
    prepopulated_fields = {"slug": ["name"]}
    actions_detail = ["go_live", "pause", "resume", "end", "duplicate"]
    keep_instead = _("End it instead of deleting it.")

    class Media:
        js = ("desk/kinds.js", "desk/terms.js")

    empty_words = _("A challenge gives a prize for doing something again and again. Write the first one; it stays a draft until you set it live.")  # fmt: skip

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[forms.ModelForm]:  # fmt: skip
        rows: dict[str, Any] = {name: rule_fields.FIELDS[name].make() for group in GROUPS for name in _rows(group)}
        if obj is not None and obj.status != Status.DRAFT:
            rows["kind"] = None  # only shown: a declared field would be asked for
        kwargs["form"] = type("ChallengeForm", (ChallengeForm,), rows | {"program": programs.chosen(request)})
        return super().get_form(request, obj, change=change, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Dates begin at midnight unless a time is told."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name in ("since", "until"):
            field.widget = MidnightByDefault()
        return field

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        program = programs.chosen(request)
        when = _("In the clock of the program, %(zone)s. It counts from when it is live; what was done before does not. The end is the first moment it no longer counts.") % {"zone": program.time_zone if program else "UTC"}  # fmt: skip
        return [
            (_("What it is"), {"fields": ["name", "summary", ("slug", "icon"), "kind"]}),
            (_("When"), {"fields": ["since", "until"], "description": when}),
            (_("What is to be done"), {"fields": [("activity", "measure"), ("goal", "repeats"), *self.fields_of_kind(obj)]}),
            (_("What is won"), {"fields": [("prize_points", "prize_reward"), "prize_badge"]}),
            *[(TITLES[group], {"classes": ["collapse"], "fields": _rows(group)}) for group in GROUPS],
            (_("Leaderboard"), {"classes": ["collapse"], "fields": ["has_board"]}),
            (_("Indonesian"), {"classes": ["tab"], "fields": ["name_id", "summary_id"]}),
            (_("Malay"), {"classes": ["tab"], "fields": ["name_ms", "summary_ms"]}),
        ]  # fmt: skip

    def fields_of_kind(self, obj: Challenge | None) -> list[str]:
        """The fields that the kind asks for; all of them, to be shown and hidden by the page, while it can be chosen."""
        if obj is None or obj.status == Status.DRAFT:
            return list(dict.fromkeys(chain.from_iterable(KEPT_BY.values())))
        return KEPT_BY[obj.kind]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """From tomorrow for three months, in the clock of the program."""
        program, told = programs.chosen(request), super().get_changeform_initial_data(request)
        if program is None:
            return told
        tomorrow = local_day(timezone.now(), program.time_zone) + timedelta(days=1)
        days = {"since": tomorrow, "until": add_months(tomorrow, 3)}
        return {name: day_start(day, program.time_zone) for name, day in days.items()} | told

    def get_urls(self) -> list[URLPattern]:
        """Where the page asks how the challenge reads."""
        words = path("in-words/", self.admin_site.admin_view(self.in_words), name="campaigns_challenge_in_words")
        return [words, *super().get_urls()]

    def in_words(self, request: HttpRequest) -> HttpResponse:
        """The challenge as it stands in the form (`?of=` says whose), as members will read it; or what is still wrong with its terms."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        program, of = programs.chosen(request), request.GET.get("of", "")
        if request.method != "POST" or program is None:
            return JsonResponse({"words": "", "problems": []}, status=405)
        known = self.get_queryset(request).filter(pk=int(of)).first() if of.isdecimal() and len(of) < 19 else None
        form: Any = self.get_form(request, known)(request.POST, instance=known)
        with transaction.atomic():  # the form locks the row it is about
            form.full_clean()
        until = form.cleaned_data.get("until")
        if until is None or not request.POST.get("goal"):
            hint = _("Say how many it takes, until when, and what is won: then it reads here as members will read it.")
            return JsonResponse({"words": "", "problems": [str(hint)]})
        about = {*TERMS_OF, *rule_fields.FIELDS}
        wrong = [str(sentence) for name in form.errors if name in about for sentence in form.errors[name]]
        kind = form.cleaned_data.get("kind") or (known.kind if known else Challenge.Kind.CARD)
        wrong = wrong or list(publishing.problems(program, kind, form.definition()).values())
        if wrong:
            return JsonResponse({"words": "", "problems": wrong})
        shown = Challenge(program=program, kind=kind, until=until)
        return JsonResponse({"words": challenge_panels.terms_in_words([shown], [form.definition()])[0], "problems": []})

    def get_readonly_fields(self, request: HttpRequest, obj: Challenge | None = None) -> list[str]:
        if obj is None:
            return []
        return ["slug"] if obj.status == Status.DRAFT else ["slug", "kind", "since"]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Challenge | None = None) -> dict[str, Any]:
        return {} if obj else self.prepopulated_fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Challenge]:
        return super().get_queryset(request).select_related("program").prefetch_related("versions")

    def complete(self, rows: list[Challenge]) -> None:
        """The terms of every challenge of the page in words."""
        latest = [(one, max(one.versions.all(), key=lambda version: version.number, default=None)) for one in rows]
        said = [(one, version.definition) for one, version in latest if version]
        told = challenge_panels.terms_in_words(
            [one for one, _definition in said], [definition for _one, definition in said]
        )
        for (one, _definition), line in zip(said, told, strict=True):
            one.told = line

    def found_by(self, term: str) -> Q:
        return Q(name__istartswith=term) | Q(slug__istartswith=term)

    def save_model(self, request: HttpRequest, obj: Challenge, form: Any, change: bool) -> None:
        """Texts and days are settings; the terms are published as a version."""
        if not change:
            obj.program = programs.chosen(request)
        super().save_model(request, obj, form, change)
        made = publishing.publish(obj, form.definition(), at=timezone.now(), actor=actor_of(request))
        if made and made.number > 1:
            messages.info(request, _("Version %(number)s counts from now on; what was achieved before stays.") % {"number": made.number})  # fmt: skip
        if obj.status == Status.DRAFT:
            messages.warning(request, _("This challenge counts nothing until you set it live."))

    def response_add(self, request: HttpRequest, obj: Challenge, post_url_continue: str | None = None) -> HttpResponse:
        """A new challenge leads to its own page, where it is set live."""
        answer = super().response_add(request, obj, post_url_continue)
        return answer if "_addanother" in request.POST or "_popup" in request.POST else HttpResponseRedirect(self.page_of(obj))  # fmt: skip

    def page_context(self, request: HttpRequest, record: Challenge) -> dict[str, Any]:
        panels = [challenge_panels.prizes_panel(record), challenge_panels.versions_panel(record)]
        if record.kind == Challenge.Kind.INSTANT:
            panels.insert(1, challenge_panels.entries_panel(record))
        return {"stats": [Stat(_("Status"), self.shown_status(record)), *challenge_panels.stats(record)], "panels": panels}  # fmt: skip

    @display(description=_("kind"))
    def shown_kind(self, challenge: Challenge) -> str:
        return challenge.get_kind_display()

    @display(description=_("status"))
    def shown_status(self, challenge: Challenge) -> str:
        state = publishing.state_at(challenge, timezone.now())
        return badge(STATES[state], TONES[state])

    @display(description=_("terms"))
    def shown_terms(self, challenge: Challenge) -> str:
        return getattr(challenge, "told", "–")

    @display(description=_("dates"))
    def shown_dates(self, challenge: Challenge) -> str:
        return f"{day(challenge.since)} – {day(challenge.until - timedelta(microseconds=1))}"

    @deed(title=_("Set live"), question=_("From now on members see this challenge, and what they do counts for it. Its kind and its beginning stay as they are then."), button=_("Set live"), permission="campaigns.change_challenge", icon="play_circle", fits=lambda challenge: challenge.status == Status.DRAFT)  # fmt: skip
    def go_live(self, request: HttpRequest, record: Challenge) -> str:
        publishing.go_live(record, at=timezone.now(), actor=actor_of(request))
        return str(_("The challenge is live."))

    @deed(title=_("Pause"), question=_("What happens from now on does not count for this challenge, until you resume it. What was achieved stays."), button=_("Pause it"), permission="campaigns.change_challenge", icon="pause_circle", fits=lambda challenge: challenge.status == Status.LIVE)  # fmt: skip
    def pause(self, request: HttpRequest, record: Challenge) -> str:
        publishing.pause(record, at=timezone.now(), actor=actor_of(request))
        return str(_("The challenge is paused."))

    @deed(title=_("Resume"), question=_("It counts again what happens from now on. The time of the pause stays without it."), button=_("Resume it"), permission="campaigns.change_challenge", icon="play_circle", fits=lambda challenge: challenge.status == Status.PAUSED)  # fmt: skip
    def resume(self, request: HttpRequest, record: Challenge) -> str:
        publishing.resume(record, at=timezone.now(), actor=actor_of(request))
        return str(_("The challenge is live again."))

    @deed(title=_("End"), question=_("It counts no more, for good. What was won stays. To stop it for a while, pause it instead."), button=_("End it now"), permission="campaigns.change_challenge", icon="stop_circle", danger=True, fits=lambda challenge: challenge.status in (Status.LIVE, Status.PAUSED))  # fmt: skip
    def end(self, request: HttpRequest, record: Challenge) -> str:
        publishing.end(record, at=timezone.now(), actor=actor_of(request))
        return str(_("The challenge has ended."))

    @deed(title=_("Duplicate"), question=_("Make a draft with the same texts, days and terms?"), button=_("Make the draft"), permission="campaigns.add_challenge", icon="content_copy")  # fmt: skip
    def duplicate(self, request: HttpRequest, record: Challenge) -> HttpResponse:
        made = publishing.duplicate(record, at=timezone.now(), actor=actor_of(request))
        messages.success(request, _("This is the copy: a draft. Change what differs, then set it live."))
        return HttpResponseRedirect(self.page_of(made))


@admin.register(Prize)
class PrizeAdmin(BookAdmin):
    """Prizes that members won: only read, but for the reward that is owed."""

    list_display = ["won_at", "challenge", "member", "status", "points", "reward", "owed"]
    list_filter = ["status", "owed"]
    list_select_related = ["challenge", "member"]
    fields = ["challenge", "member", "status", "won_at", "key", "cause", "version", "points", "is_badge", "reward", "owed", "entry", "redemption", "changed_at"]  # fmt: skip
    search_fields = ["challenge__slug"]
    actions_detail = ["give_reward"]
    actions_list = ["export_list"]
    export_columns = (
        (_("Challenge"), lambda one: one.challenge.slug), (_("Member"), lambda one: one.member.number),
        (_("Won at"), lambda one: one.won_at), (_("Status"), lambda one: one.status), (_("Points"), lambda one: one.points),
        (_("Reward"), lambda one: one.reward),
    )  # fmt: skip
    empty_words = _("Nobody has won anything yet.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Prize]:
        return super().get_queryset(request).filter(challenge__program=programs.chosen(request))

    def found_by(self, term: str) -> Q:
        return Q(challenge__slug__istartswith=term) | Q(member__number=term.replace(" ", ""))

    @deed(title=_("Give the reward"), question=_("The reward was not there when this prize was won. Issue its voucher now?"), button=_("Issue the voucher"), permission="campaigns.change_challenge", icon="redeem", fits=lambda prize: bool(prize.owed) and prize.status == Prize.Status.GIVEN)  # fmt: skip
    def give_reward(self, request: HttpRequest, record: Prize) -> str:
        prizes.give_owed(record, at=timezone.now(), actor=actor_of(request))
        return str(_("The voucher is issued, and the member gets a letter."))


more_panels.append(challenge_panels.member_panel)
