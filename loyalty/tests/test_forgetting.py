"""Sessions that have ended are removed, and no others."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.sessions.models import Session

from loyalty.desk.forgetting import forget_sessions

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 5, tzinfo=UTC)


def test_sessions_that_have_ended_are_removed_and_no_others():
    for name, hours in (("over", -1), ("now", 0), ("open", 1)):
        Session.objects.create(session_key=name, session_data="x", expire_date=NOON + timedelta(hours=hours))
    assert forget_sessions(at=NOON, dry_run=True).found == 1
    assert forget_sessions(at=NOON).done == 1
    assert sorted(Session.objects.values_list("pk", flat=True)) == ["now", "open"]
    assert forget_sessions(at=NOON).is_empty
