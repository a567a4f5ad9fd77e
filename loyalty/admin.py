"""Staff, roles, the audit log and the schedules, under the desk's look."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_celery_beat.admin import ClockedScheduleAdmin as BaseClockedScheduleAdmin
from django_celery_beat.admin import CrontabScheduleAdmin as BaseCrontabScheduleAdmin
from django_celery_beat.admin import PeriodicTaskAdmin as BasePeriodicTaskAdmin
from django_celery_beat.admin import PeriodicTaskForm, TaskSelectWidget
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from loyalty import staff
from loyalty.backoffice import BookAdmin, DeskAdmin
from loyalty.common.errors import Refusal
from loyalty.desk import roles
from loyalty.desk.deeds import deed
from loyalty.desk.panels import badge

for model in (
    User,
    Group,
    EmailAddress,
    Authenticator,
    PeriodicTask,
    IntervalSchedule,
    CrontabSchedule,
    ClockedSchedule,
    SolarSchedule,
):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


class StaffForm(forms.ModelForm):
    """A new person at the desk: who, in which role, with which first password."""

    email = forms.EmailField(label=_("E-mail"), widget=UnfoldAdminEmailInputWidget)
    name = forms.CharField(label=_("Name"), required=False, max_length=150, widget=UnfoldAdminTextInputWidget)
    role = forms.ChoiceField(label=_("Role"), choices=list(roles.TITLES.items()), widget=UnfoldAdminSelectWidget)
    password = forms.CharField(
        label=_("First password"),
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        validators=[validate_password],
        help_text=_("Tell it to the person. The second factor is set up at the first visit."),
    )

    class Meta:
        model = User
        fields: tuple[str, ...] = ()

    def clean_email(self) -> str:
        """Nobody signs in with this address yet."""
        email = self.cleaned_data["email"].lower()
        if User.objects.filter(email__iexact=email).exists():
            raise forms.ValidationError(_("Somebody already signs in with this address."))
        return email


@admin.register(User)
class UserAdmin(BaseUserAdmin, DeskAdmin):
    """Staff accounts, and the sign-ins of members."""

    form = UserChangeForm
    add_form = StaffForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["email", "shown_name", "shown_roles", "shown_factor", "is_active", "last_login"]
    list_display_links = ["email"]
    list_filter = ["is_staff", "is_active", "groups"]
    search_fields = ["email"]
    search_help_text = _("E-mail address, from its beginning")
    ordering = ["-is_staff", "-id"]
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (_("Person"), {"classes": ["tab"], "fields": ["username", "email", "first_name", "last_name", "password"]}),
        (_("Role"), {"classes": ["tab"], "fields": ["is_active", "is_staff", "is_superuser", "groups"]}),
        (_("Single permissions"), {"classes": ["tab"], "fields": ["user_permissions"]}),
        (_("Dates"), {"classes": ["tab"], "fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "name", "role", "password"]})]
    actions_detail = ["forget_second_factor"]
    change_form_before_template = None
    keep_instead = _("Take the tick from “active” instead.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Only administrators without limits see accounts without limits."""
        factor = Authenticator.objects.filter(user=OuterRef("pk"), type__in=["totp", "webauthn"])
        users = super().get_queryset(request).prefetch_related("groups").annotate(has_factor=Exists(factor))
        return users if request.user.is_superuser else users.filter(is_superuser=False)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Nobody raises their own rights, and only superusers make superusers."""
        fixed = ["last_login", "date_joined"]
        if not request.user.is_superuser:
            fixed += ["is_superuser", "user_permissions"]
        if obj is not None and obj.pk == request.user.pk:
            fixed += ["is_active", "is_staff", "groups", "user_permissions"]
        return fixed

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def found_by(self, term: str) -> Q:
        return Q(email__istartswith=term) | Q(username__istartswith=term)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """A new account is made by the verb, with its role and its address."""
        if change:
            super().save_model(request, obj, form, change)
            return
        told = form.cleaned_data
        if told["role"] == roles.ADMINISTRATOR and not (
            request.user.is_superuser or request.user.groups.filter(name=roles.ADMINISTRATOR).exists()
        ):
            raise Refusal(_("Only an administrator can make an administrator."))
        made = staff.create_staff(told["email"], told["password"], told["role"], name=told["name"])
        obj.pk, obj.email, obj.username = made.pk, made.email, made.username
        obj._state.adding = False

    @display(description=_("name"))
    def shown_name(self, user: User) -> str:
        return user.get_full_name() or "–"

    @display(description=_("roles"))
    def shown_roles(self, user: User) -> str:
        names = [str(roles.TITLES.get(group.name, group.name)) for group in user.groups.all()]
        if user.is_superuser:
            names.insert(0, str(_("Everything")))
        return ", ".join(names) or (str(_("none")) if user.is_staff else str(_("member")))

    @display(description=_("second factor"))
    def shown_factor(self, user: User) -> str:
        if user.has_factor:
            return badge(_("set up"), "good")
        return badge(_("missing"), "warn") if user.is_staff else "–"

    @deed(
        title=_("Forget the second factor"),
        question=_(
            "For somebody who lost the phone. Make sure that you are talking to the right person: after this, the password alone leads to setting up a new factor."
        ),
        button=_("Forget it"),
        permission="auth.change_user",
        icon="phonelink_erase",
        danger=True,
    )
    def forget_second_factor(self, request: HttpRequest, record: User) -> str:
        if record.pk == request.user.pk:
            raise Refusal(_("Ask a colleague: nobody takes away their own second factor."))
        staff.remove_second_factor(record)
        return _("The second factor of %(who)s is forgotten. A new one is set up at the next visit.") % {
            "who": record.email
        }


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, DeskAdmin):
    """Roles. What you change here stays through upgrades."""

    list_display = ["shown_name"]
    search_fields = ["name"]
    change_form_before_template = None

    @display(description=_("role"))
    def shown_name(self, group: Group) -> str:
        return str(roles.TITLES.get(group.name, group.name))


@admin.register(LogEntry)
class LogEntryAdmin(BookAdmin):
    """The audit log: who did what at the desk."""

    list_display = ["action_time", "user", "shown_deed", "content_type", "object_repr", "shown_message"]
    list_display_links = ["action_time"]
    list_filter = [("action_time", RangeDateTimeFilter), ("action_flag", ChoicesDropdownFilter)]
    list_select_related = ["user", "content_type"]
    search_fields = ["user"]
    search_help_text = _("E-mail address of the staff member")
    fields = ["action_time", "user", "shown_deed", "content_type", "object_id", "object_repr", "shown_message"]
    readonly_fields = ["shown_deed", "shown_message"]

    def found_by(self, term: str) -> Q:
        return Q(user__email__istartswith=term)

    @display(description=_("deed"))
    def shown_deed(self, entry: LogEntry) -> str:
        words = {ADDITION: (_("added"), "good"), CHANGE: (_("changed"), "info"), DELETION: (_("deleted"), "bad")}
        text, tone = words.get(entry.action_flag, (entry.action_flag, ""))
        return badge(text, tone)

    @display(description=_("what"))
    def shown_message(self, entry: LogEntry) -> str:
        return entry.get_change_message()


class TaskWidget(UnfoldAdminSelectWidget, TaskSelectWidget):
    """The list of known tasks in the desk's look."""


class ScheduleForm(PeriodicTaskForm):
    """A schedule with the desk's inputs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = TaskWidget()


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(BasePeriodicTaskAdmin, ModelAdmin):
    """When the machinery is nudged. The jobs themselves find out what is due."""

    form = ScheduleForm
    date_hierarchy = None
    list_filter = ["enabled"]
    compressed_fields = True


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(ModelAdmin):
    """Every so many minutes."""

    compressed_fields = True


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(BaseCrontabScheduleAdmin, ModelAdmin):
    """At fixed times."""

    compressed_fields = True


@admin.register(SolarSchedule)
class SolarScheduleAdmin(ModelAdmin):
    """At sunrise or sunset."""

    compressed_fields = True


@admin.register(ClockedSchedule)
class ClockedScheduleAdmin(BaseClockedScheduleAdmin, ModelAdmin):
    """Once."""

    compressed_fields = True
