"""A marketer writes a mailing in a real browser: the preview follows, it is saved, counted, sent and stopped in time, with axe."""

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from campaigns.mailings.models import Mailing
from campaigns.mailings.tests.readers import agree, everybody
from loyalty.desk import roles
from loyalty.tests.desk import hire
from loyalty.tests.installation import until
from loyalty.tests.test_browser_desk import chromium, sign_in  # noqa: F401
from loyalty.tests.test_browser_marketer import Marketer
from members.testing import make_member, make_program

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]


def test_a_marketer_writes_previews_sends_and_stops_a_mailing(chromium, live_server):  # noqa: F811
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    cache.clear()
    now = timezone.now()
    program = make_program(at=now)
    ani = make_member(program, "Ani", at=now)
    agree(ani, at=now)
    segment = everybody(program)
    hire(roles.ADMINISTRATOR)
    page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
    sign_in(page, live_server.url)
    marketer = Marketer(page, axe)
    page.goto(live_server.url + reverse("admin:mailings_mailing_add"))
    page.fill("#id_name", "Harvest")
    page.select_option("#id_segment", str(segment.pk), force=True)
    page.fill("#id_subject", "The harvest is in, {{ name }}")
    page.fill("[name=look-member]", ani.shown_number)
    until(lambda: page.locator("[data-subject]").inner_text() == "The harvest is in, Ani")
    page.fill("#id_subject", "The harvest, {{ nobody }}")
    until(lambda: "There is no variable “nobody”" in page.locator("[data-faults]").inner_text())
    page.fill("#id_subject", "The harvest is in, {{ name }}")
    until(lambda: page.locator("[data-faults]").is_hidden())
    marketer.presses("Save")
    marketer.reads("Would get it now", "Audience, as it would be now", "As text")
    marketer.follows("Send")
    marketer.presses("Send it at its time")
    marketer.reads("scheduled", "the first letter leaves ten minutes later")
    marketer.follows("Stop")
    marketer.presses("Stop it for good")
    marketer.reads("The mailing is stopped.")
    assert Mailing.objects.get().status == "stopped"
