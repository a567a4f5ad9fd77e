"""Signing in: members by an emailed code, staff by password and second factor.

Members are enrolled without a sign-in. The first time a code is asked for the address of an active member, a user with
no password is made for it; the address itself is always the member's own, so that a changed address moves the door.
"""

import smtplib
from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import RequestLoginCodeForm, ResetPasswordForm
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from loyalty.common.sealing import opened, seal
from loyalty.mail import rendering
from loyalty.mail.at_once import send_at_once
from loyalty.mail.models import Message
from members.models import Member

log = structlog.get_logger()
LONGEST_ADDRESS = 254
CODE_LETTER = "account/email/login_code"
MEMBER_SESSION_SECONDS = 60 * 60 * 24 * 30


def user_for(email: str) -> AbstractBaseUser | None:
    """The user who signs in with a code sent to this address: an active member's (made when needed), else a staff member's.

    Case does not matter. Anybody else, closed members too, has none.
    """
    address = email.lower()
    member = _member_with(address)
    if member is None:
        return get_user_model().objects.filter(email__iexact=address, is_active=True, is_staff=True).first()
    try:
        with transaction.atomic():
            user = member.user or _link_user(member, address)
            if user.is_staff and user.email.lower() != address:
                return None  # whoever edits a member's address must not gain a staff member's door
            _keep_address(user, address)
    except IntegrityError:  # the same address asked twice at once: the other request made the user
        user = get_user_model().objects.filter(member=member).first()
    return user if user and user.is_active else None


def _member_with(address: str) -> Member | None:
    """The active member with this address; one who signed in before comes first when several programs have one."""
    by_address = Member.objects.annotate(address=Lower("email")).filter(address=address)  # the indexed form
    found = by_address.filter(status=Member.Status.ACTIVE, program__is_active=True)
    members = [m for m in found.select_related("user", "program").order_by("program_id") if m.email.lower() == address]
    return min(members, key=lambda member: member.user_id is None, default=None)


def _link_user(member: Member, address: str) -> AbstractBaseUser:
    users = get_user_model().objects
    user = users.filter(email__iexact=address, member=None).order_by("-is_staff", "id").first()
    if user is None:
        user = users.create_user(username=f"member-{member.number}", email=address)
    Member.objects.filter(pk=member.pk, user=None).update(user=user)
    return user


def _keep_address(user: AbstractBaseUser, address: str) -> None:
    """Make the member's address the one address of this user, and nobody else's but staff's own.

    It is verified by whoever types the code that goes there (allauth does it), not by asking for one.
    """
    if EmailAddress.objects.filter(user=user, email=address, primary=True).exists():
        return
    EmailAddress.objects.filter(email__iexact=address).exclude(user=user).exclude(user__is_staff=True).delete()
    if not user.is_staff:
        EmailAddress.objects.filter(user=user).delete()
        get_user_model().objects.filter(pk=user.pk).update(email=address)
    EmailAddress.objects.update_or_create(user=user, email=address, defaults={"primary": not _has_primary(user)})


def _has_primary(user: AbstractBaseUser) -> bool:
    return EmailAddress.objects.filter(user=user, primary=True).exists()


def member_of(user: Any) -> Member | None:
    """The active member this signed-in user is, with program, tier and main account's wallet at hand."""
    if not user.is_authenticated:
        return None
    return Member.objects.filter(user_id=user.pk, status=Member.Status.ACTIVE).select_related("program", "tier").first()


def stay_signed_in(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    """Members stay signed in for a month on their own phone; staff for a working day."""
    if not user.is_staff:
        request.session.set_expiry(MEMBER_SESSION_SECONDS)


user_logged_in.connect(stay_signed_in, dispatch_uid="members.stay_signed_in")


class RequestCodeForm(RequestLoginCodeForm):
    """Asks for an e-mail address. The answer is the same whether or not the address is known."""

    def clean_email(self) -> str:
        if len(self.cleaned_data["email"]) > LONGEST_ADDRESS:
            raise ValidationError(_("This e-mail address is too long. Please check it."))
        email = super().clean_email().lower()
        self._user = user_for(email)
        return email


class StaffPasswordForm(ResetPasswordForm):
    """Only staff have passwords: nobody else is sent a link to set one."""

    def clean_email(self) -> str:
        email = super().clean_email()
        self.users = [user for user in self.users if user.is_staff]
        return email


class SignInAdapter(DefaultAccountAdapter):
    """Nobody signs up through the sign-in pages: members are enrolled, staff are invited."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "incorrect_code": _("This code is not right. Look at the newest letter from us and type its six digits."),
        "too_many_login_attempts": _("Too many tries. Please wait a few minutes, then ask for a new code."),
        "rate_limited": _("Too many tries. Please wait a few minutes."),
        "email_password_mismatch": _("The e-mail address and the password do not belong together. Please try again."),
        "invalid_login": _("The e-mail address and the password do not belong together. Please try again."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody signs up by themselves."""
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Staff go to their desk, members home."""
        at_desk = request.user.is_staff and member_of(request.user) is None
        return reverse("admin:index" if at_desk else "portal_home")

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        """Back to the members' sign-in page."""
        return reverse("portal_sign_in")

    def format_email_subject(self, subject: str) -> str:
        """The subject as written: no prefix with the host's name."""
        return str(subject)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a sign-in letter at once, in the member's language; a silent mail server gives a page in words."""
        member = _member_with(email.lower())
        names = {"program_name": str(member.program) if member else "Setia", "member": member}
        language = translation.get_language()
        request = context.get("request") or self.request
        if member and settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
            language = member.language
        try:
            if template_prefix == CODE_LETTER:
                told = {
                    "name": member.name if member else "",
                    "program": names["program_name"],
                    "code": context["code"],
                }
                letter = Message(kind="sign_in_code", language=language.split("-")[0], context=told)
                send_at_once(rendering.render(letter), to=email)
                return
            with translation.override(language):
                super().send_mail(template_prefix, email, names | context)
        except (OSError, smtplib.SMTPException) as error:
            log.error("sign-in letter not sent", letter=template_prefix, error=type(error).__name__)
            raise ImmediateHttpResponse(render(request, "account/mail_unavailable.html", status=503)) from error


class SecondFactorAdapter(DefaultMFAAdapter):
    """Second factors, their secrets kept encrypted.

    For staff a passkey is a second factor. For members it is another way in: it never stands between them and the
    emailed code.
    """

    def encrypt(self, text: str) -> str:
        """Encrypt a secret for the database."""
        return seal(text, purpose="second factors")

    def decrypt(self, encrypted_text: str) -> str:
        """Read a secret back."""
        return opened(encrypted_text, purpose="second factors")

    def is_mfa_enabled(self, user: Any, types: list[str] | None = None) -> bool:
        """Whether a second factor stands in the way of this user."""
        if not user.is_anonymous and not user.is_staff:
            wanted = set(types or Authenticator.Type.values) - {Authenticator.Type.WEBAUTHN}
            return bool(wanted) and super().is_mfa_enabled(user, list(wanted))
        return super().is_mfa_enabled(user, types)
