"""Two changes for the visitor of the demo: one that waits for a second person, one that is done and can be undone."""

from datetime import datetime

from django.contrib.auth import get_user_model

from loyalty.jobs.changes import deciding, drafting
from loyalty.jobs.models import ChangeRequest
from loyalty.ledger.models import Program
from members.models import Member

DONE, WAITING = "demo:thanks", "demo:parcel"


def ask(program: Program, members: list[Member], *, at: datetime) -> None:
    """Ask as the demo's staff; nothing without them or their members, and nothing twice."""
    staff = dict(get_user_model().objects.filter(email__endswith="@setia.example").values_list("email", "pk"))
    manager, agent = staff.get("manager@setia.example"), staff.get("support@setia.example")
    if manager is None or agent is None or not members:
        return
    if ChangeRequest.objects.filter(program=program, reference=DONE).exists():
        return
    lines = [[member.number, 150] for member in members]
    wishes = (
        ("adjust_many", {"lines": lines}, "Thank you for testing our new shop", manager, DONE),
        ("adjust", {"number": members[0].number, "amount": 2500}, "Parcel lost twice, goodwill", agent, WAITING),
    )
    for kind, parameters, reason, by, reference in wishes:
        change = drafting.draft(
            program, kind, parameters=parameters, reason=reason, at=at, actor=f"staff:{by}", reference=reference
        )
        deciding.submit(change, at=at, actor=f"staff:{by}")
