"""What lists and pages cost in the database when it is full; called by `bench/growth.py pages`.

Each page is asked through Django's test client, signed in as staff or as a member, and the time of its statements is added up:
the first time (cold) and the median of four more.
"""

import statistics
from datetime import datetime

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from loyalty.ledger import asof
from loyalty.ledger.models import Entry
from loyalty.tests.desk import enter
from members.models import Member, MemberAccount


def pages(member: Member, entry: Entry) -> dict[str, str]:
    """Lists, searches and records of the desk by name."""
    members, entries = reverse("admin:members_member_changelist"), reverse("admin:ledger_entry_changelist")
    return {
        "desk: members": members,
        "desk: members, name": f"{members}?q=member+77",
        "desk: members, e-mail": f"{members}?q={member.email}",
        "desk: members, no match": f"{members}?q=nobodycalledlikethis",
        "desk: entries": entries,
        "desk: entries, reference": f"{entries}?q={entry.reference}",
        "desk: lots": reverse("admin:ledger_lot_changelist"),
        "desk: accounts": reverse("admin:ledger_account_changelist"),
        "desk: purchases": reverse("admin:members_purchase_changelist"),
        "desk: one member": reverse("admin:members_member_change", args=[member.pk]),
        "desk: one entry": reverse("admin:ledger_entry_change", args=[entry.pk]),
    }


def measure_pages(now: datetime) -> None:
    """Print milliseconds in the database, statements, and the slowest statement of what takes more than 100 ms."""
    settings.ALLOWED_HOSTS = ["*"]
    member = Member.objects.select_related("program").order_by("id")[Member.objects.order_by("id").last().pk // 2]
    account = MemberAccount.objects.get(member=member).account_id
    entry = Entry.objects.filter(account=account).order_by("number")[0]
    staff, _made = get_user_model().objects.get_or_create(username="bench", is_staff=True, is_superuser=True)
    Authenticator.objects.get_or_create(user=staff, type=Authenticator.Type.TOTP, data={"secret": "bench"})
    person, _made = get_user_model().objects.get_or_create(username="bench-member")
    Member.objects.filter(pk=member.pk).update(user=person)
    desk, portal = enter(staff), Client()
    portal.force_login(person, backend=settings.AUTHENTICATION_BACKENDS[-1])
    for name, address in pages(member, entry).items():
        show(name, lambda address=address: desk.get(address).status_code)
    show("portal: home", lambda: portal.get(reverse("portal_home")).status_code)
    show("portal: history", lambda: portal.get(reverse("portal_history")).status_code)
    show("position as of any instant", lambda: asof.position(account, at=now).entries)


def show(name: str, ask) -> None:
    """One line of the report."""
    totals, slowest, count, answer = [], ("", 0.0), 0, None
    for _ in range(5):
        with CaptureQueriesContext(connection) as asked:
            answer = ask()
        times = [(query["sql"], float(query["time"]) * 1000) for query in asked]
        totals.append(sum(taken for _, taken in times))
        count, slowest = len(times), max(times, key=lambda one: one[1], default=slowest)
    warm = statistics.median(totals[1:])
    print(f"{name:28} {warm:8.1f} ms warm, {totals[0]:8.1f} cold, {count:3} statements, answer {answer}", flush=True)
    if warm > 100:
        print(f"    {slowest[1]:.0f} ms: {slowest[0][:300]}")
