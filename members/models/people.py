"""Who the members are, and the accounts they point at."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from loyalty.common.ids import show_member_number
from loyalty.common.languages import LANGUAGES
from loyalty.ledger.models import Account, Program, Wallet
from members.models.tiers import Tier


class Member(models.Model):
    """A customer enrolled in a program. Known outside by `number`; the primary key is never shown."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        CLOSED = "closed", _("closed")

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="members", verbose_name=_("program"), db_index=False
    )
    number = models.CharField(_("member number"), max_length=12, unique=True)
    source = models.CharField(_("source"), max_length=32, blank=True)
    source_key = models.CharField(_("customer key at the source"), max_length=80, blank=True)
    name = models.CharField(_("name"), max_length=120, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    phone = models.CharField(_("phone"), max_length=24, blank=True)
    birthday = models.DateField(_("birthday"), null=True, blank=True)
    company = models.CharField(
        _("company"), max_length=120, blank=True, help_text=_("Of a business member. Empty: a private person.")
    )
    language = models.CharField(_("language"), max_length=5, choices=LANGUAGES, default="en")
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.ACTIVE)
    enrolled_at = models.DateTimeField(_("enrolled at"))
    tier = models.ForeignKey(Tier, models.PROTECT, related_name="members", verbose_name=_("tier"))
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="member",
        verbose_name=_("sign-in"),
    )

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["program", "source", "source_key"], condition=~Q(source_key=""), name="customer_once_per_source"
            ),
            models.UniqueConstraint(
                F("program"), Lower("email"), condition=~Q(email=""), name="email_once_per_program"
            ),
        ]
        indexes = [
            models.Index(fields=["program", "-enrolled_at"], name="member_by_enrolment"),
            models.Index(Lower("email"), name="member_by_email"),
            models.Index(Lower("name"), name="member_by_name"),
            models.Index(fields=["phone"], condition=~Q(phone=""), name="member_by_phone"),
        ]

    def __str__(self) -> str:
        return self.name or self.shown_number

    @property
    def shown_number(self) -> str:
        """The member number in groups of four."""
        return show_member_number(self.number)


class MemberAccount(models.Model):
    """The account a member has in a wallet. Members point at the books; the books know nobody."""

    member = models.ForeignKey(
        Member, models.PROTECT, related_name="member_accounts", verbose_name=_("member"), db_index=False
    )
    wallet = models.ForeignKey(Wallet, models.PROTECT, verbose_name=_("wallet"), db_index=False)
    account = models.OneToOneField(Account, models.PROTECT, related_name="member_account", verbose_name=_("account"))

    class Meta:
        verbose_name = _("member's account")
        verbose_name_plural = _("members' accounts")
        constraints = [models.UniqueConstraint(fields=["member", "wallet"], name="one_account_per_member_and_wallet")]

    def __str__(self) -> str:
        return f"{self.member} / {self.wallet}"
