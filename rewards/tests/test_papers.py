"""A voucher on paper: by its member and by staff, in two sizes, and nothing that cannot be used."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from loyalty.desk import roles
from loyalty.tests.desk import staff_client
from members.testing import give_points
from members.tests.portal import signed_in, words
from rewards import granting, redemption
from rewards.models import CodePool, PoolCode
from rewards.pools import look_through, take_in
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]


@pytest.fixture
def now():
    return timezone.now()


def redeem(member, reward, now):
    give_points(member, 100, at=now - timedelta(days=1))
    return redemption.redeem(member, reward, at=now, reference="r", source="t", actor="t")


def test_a_member_prints_a_sheet_or_a_slip(program, ani, now):
    held = redeem(ani, make_reward(program, terms="One each.", uses=3), now)
    client = signed_in(ani)
    assert f'href="/vouchers/{held.pk}/print/"' in client.get(f"/vouchers/{held.pk}/").content.decode()
    sheet = client.get(f"/vouchers/{held.pk}/print/")
    said = words(sheet)
    assert (
        held.voucher.shown_code in said
        and "Free latte" in said
        and "One each." in said
        and "<dt>Uses</dt><dd>3</dd>" in sheet.content.decode()
    )
    assert '<svg role="img"' in sheet.content.decode()
    assert '<body class="slip">' not in sheet.content.decode()
    assert '<body class="slip">' in client.get(f"/vouchers/{held.pk}/print/?size=slip").content.decode()


def test_what_has_ended_is_not_printed(program, ani, now):
    held = redeem(ani, make_reward(program), now)
    redemption.cancel(held, at=now, actor="t", by_member=True)
    page = signed_in(ani).get(f"/vouchers/{held.pk}/print/", follow=True)
    assert "cannot be used any more" in words(page)
    assert held.voucher.shown_code not in page.content.decode().split("<h1")[0]


def test_staff_print_it_and_a_given_one_has_no_line_in_the_books(program, ani, now):
    held = granting.grant(ani, make_reward(program), at=now, reference="g", actor="t")
    client = staff_client(roles.SUPPORT_AGENT)
    page = reverse("admin:rewards_redemption_print", args=[held.pk])
    seen = client.get(reverse("admin:rewards_redemption_change", args=[held.pk])).content.decode()
    assert page in seen
    assert "/entry/None/" not in seen
    assert held.voucher.shown_code in words(client.get(page))
    assert client.get(reverse("admin:rewards_redemption_print", args=[held.pk + 1])).status_code == 404


def test_staff_without_the_right_do_not_see_it(program, ani, now):
    held = redeem(ani, make_reward(program), now)
    page = reverse("admin:rewards_redemption_print", args=[held.pk])
    assert staff_client(roles.OPS).get(page).status_code == 403


def test_a_partners_code_is_printed_by_its_member_alone(program, ani, now):
    pool = CodePool.objects.create(program=program, name="Books", partner="Books")
    take_in(look_through(pool, b"code\nSENJA-12345\n", file_name="c.csv", at=now, actor="t"), at=now, actor="t")
    held = redeem(ani, make_reward(program, pool=pool), now)
    assert PoolCode.objects.get().redemption == held
    assert "SENJA-12345" in words(signed_in(ani).get(f"/vouchers/{held.pk}/print/"))
    page = reverse("admin:rewards_redemption_print", args=[held.pk])
    answer = staff_client(roles.SUPPORT_AGENT).get(page, follow=True)
    assert "shown to the member only" in words(answer)
    assert "SENJA-12345" not in answer.content.decode()
