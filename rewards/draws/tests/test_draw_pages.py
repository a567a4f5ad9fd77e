"""What people see of a draw: the public page and its record, the member's list, the desk, and the command that verifies."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from loyalty.desk import roles
from loyalty.pos.testing import Shop
from loyalty.tests.desk import staff_client
from loyalty.tests.test_desk_work import form_of
from members.testing import give_points
from members.tests.portal import signed_in, words
from rewards import redemption
from rewards.draws import drawing, proof
from rewards.draws.testing import make_draw, make_ticket
from rewards.models import Draw, DrawEntry, DrawWin, Redemption

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
DAY = timedelta(days=1)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def draw(program, now):
    return make_draw(program, at=now - 3 * DAY, opens_at=now - 2 * DAY, closes_at=now + 5 * DAY, limit_per_member=2)


@pytest.fixture
def entered(draw, ani, now):
    give_points(ani, 100, at=now - 5 * DAY)
    return redemption.redeem(ani, make_ticket(draw), at=now - DAY, reference="r", source="t", actor="t")


def test_anybody_reads_the_digest_and_the_numbers_but_no_name(draw, entered, ani):
    page = Client().get(draw.get_absolute_url())
    said = words(page)
    assert draw.promise.seed_digest in said
    assert DrawEntry.objects.get().holder in said
    assert ani.name not in page.content.decode()
    assert "Your numbers" not in said
    assert "Your numbers" in words(signed_in(ani).get(draw.get_absolute_url()))


def test_before_the_draw_the_seed_is_nowhere_and_after_it_everywhere(draw, entered, program):
    record = Client().get(draw.get_absolute_url() + "record.json").json()
    assert (record["seed"], proof.problems(record)) == ("", [])
    drawing.draw_due(program, at=draw.closes_at)
    record = Client().get(draw.get_absolute_url() + "record.json").json()
    assert record["seed"]
    assert proof.problems(record) == []
    page = Client().get(draw.get_absolute_url())
    assert record["seed"] in words(page)
    assert "data-check" in page.content.decode()
    assert "script-src 'self' 'nonce-" in page["Content-Security-Policy"]


def test_a_draft_is_nowhere(program):
    draft = make_draw(program, is_published=False)
    assert Client().get(draft.get_absolute_url()).status_code == 404
    assert Client().get(draft.get_absolute_url() + "record.json").status_code == 404


def test_a_member_enters_in_the_portal_sees_the_number_and_leaves_again(draw, ani, now):
    give_points(ani, 100, at=now - 5 * DAY)
    ticket = make_ticket(draw)
    client = signed_in(ani)
    assert "A ticket" in words(client.get("/draws/"))
    ask = client.get(f"/rewards/{ticket.slug}/redeem/")
    assert "until the draw closes" in words(ask)
    made = client.post(f"/rewards/{ticket.slug}/redeem/", {"token": ask.context["token"]}, follow=True)
    assert "Your numbers" in words(made)
    assert "Ready to use" not in words(made)
    assert "QR" not in made.content.decode()
    held = Redemption.objects.get()
    assert "already have a voucher" not in words(client.get(f"/rewards/{ticket.slug}/redeem/"))
    client.post(f"/vouchers/{held.pk}/cancel/")
    held.refresh_from_db()
    assert (held.status, Draw.objects.get().standing) == ("cancelled", 0)


def test_a_winner_sees_the_prize(draw, entered, ani, program):
    drawing.draw_due(program, at=draw.closes_at)
    assert "Your number 1 won: First prize." in words(signed_in(ani).get("/draws/"))
    assert "You have no number" not in words(signed_in(ani).get("/draws/"))


def test_without_draws_the_page_says_so(ani):
    assert "No draw at the moment" in words(signed_in(ani).get("/draws/"))


def test_the_list_of_draws_asks_the_same_however_many_there_are(
    program, ani, draw, entered, now, django_assert_max_num_queries
):
    client = signed_in(ani)
    with django_assert_max_num_queries(20) as first:
        client.get("/draws/")
    for number in range(5):
        more = make_draw(program, at=now - 3 * DAY, slug=f"d{number}", opens_at=now - DAY, closes_at=now + DAY)
        redemption.redeem(ani, make_ticket(more), at=now, reference=f"d{number}", source="t", actor="t")
    with django_assert_max_num_queries(len(first)):
        client.get("/draws/")


# --- the desk -------------------------------------------------------------------------------------------------------
def test_staff_write_a_draw_publish_it_and_pass_a_place_on(program, ani, budi, now):
    client = staff_client(roles.PROGRAM_MANAGER)
    add = reverse("admin:rewards_draw_add")
    form = form_of(client, add) | {
        "name": "A bicycle", "slug": "bike", "summary": "Win one.", "opens_at_0": f"{now - 2 * DAY:%Y-%m-%d}", "opens_at_1": "00:00",
        "closes_at_0": f"{now + 3 * DAY:%Y-%m-%d}", "closes_at_1": "00:00", "prizes-TOTAL_FORMS": "1", "prizes-0-name": "The bike",
        "prizes-0-position": "1", "prizes-0-winners": "1", "prizes-0-points": "500",
    }  # fmt: skip
    answer = client.post(add, form)
    assert answer.status_code == 302, words(answer)
    draw = Draw.objects.get()
    client.post(reverse("admin:rewards_draw_publish", args=[draw.pk]))
    draw.refresh_from_db()
    assert (draw.status, draw.prizes.get().name) == ("open", "The bike")
    ticket = make_ticket(draw)
    for member in (ani, budi):
        give_points(member, 100, at=now - 5 * DAY)
        redemption.redeem(member, ticket, at=now, reference=member.number, source="t", actor="t")
    page = reverse("admin:rewards_draw_change", args=[draw.pk])
    assert "Ways to enter" in words(client.get(page))
    drawing.draw_winners(draw, at=draw.closes_at)
    win = DrawWin.objects.get()
    client.post(reverse("admin:rewards_drawwin_pass_on", args=[win.pk]), {"why": "excluded"})
    assert "passed over" in words(client.get(draw.get_absolute_url()))
    drawing.draw_due(program, at=draw.closes_at)
    assert "given" in words(client.get(page))
    assert proof.check(Draw.objects.get()) == []


def test_a_published_draw_cannot_be_changed_at_the_desk(draw):
    client = staff_client(roles.PROGRAM_MANAGER)
    page = reverse("admin:rewards_draw_change", args=[draw.pk])
    form = form_of(client, page)
    assert not {"closes_at_0", "limit_in_all"} & set(form)
    client.post(page, form | {"limit_in_all": "1", "prizes-0-points": "9", "summary": "New words."})
    draw.refresh_from_db()
    assert (draw.limit_in_all, draw.prizes.get().points, draw.summary) == (None, 500, "New words.")


def test_a_prize_is_a_reward_or_points(program, now):
    client = staff_client(roles.PROGRAM_MANAGER)
    add = reverse("admin:rewards_draw_add")
    form = form_of(client, add) | {
        "name": "A", "slug": "a", "summary": "W", "opens_at_0": "2026-01-01", "opens_at_1": "00:00", "closes_at_0": "2026-02-01",
        "closes_at_1": "00:00", "prizes-TOTAL_FORMS": "1", "prizes-0-name": "x", "prizes-0-position": "1", "prizes-0-winners": "1",
    }  # fmt: skip
    assert "one of both" in words(client.post(add, form))
    assert Draw.objects.count() == 0


# --- the command ----------------------------------------------------------------------------------------------------
def verified(*arguments):
    out = StringIO()
    try:
        call_command("verify_draw", *arguments, stdout=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


def test_an_old_draw_is_verified_from_the_database_and_from_a_kept_record(draw, entered, program, tmp_path):
    drawing.draw_due(program, at=draw.closes_at)
    assert verified() == (0, f"{program.slug}/bike holds.\n")
    kept = tmp_path / "kept.json"
    kept.write_bytes(Client().get(draw.get_absolute_url() + "record.json").content)
    assert verified("--file", str(kept)) == (0, "kept.json holds.\n")
    record = json.loads(kept.read_text())
    kept.write_text(json.dumps(record | {"seed": "0" * 64}))
    code, told = verified("--file", str(kept))
    assert code == 1
    assert "not the one whose digest was published" in told
    kept.write_text("no record")
    with pytest.raises(CommandError, match="cannot be read"):
        verified("--file", str(kept))
    with pytest.raises(CommandError, match="no published draw"):
        verified("--draw", "none")


def test_terms_altered_behind_our_back_are_found(draw, entered, program):
    Draw.objects.update(limit_per_member=9)
    code, told = verified("--json")
    assert (code, json.loads(told)[0]["problems"]) == (1, ["The terms are not those that were published."])


# --- over the API ---------------------------------------------------------------------------------------------------
def test_a_shop_reads_draws_enters_a_member_and_cancels(draw, ani, program, now):
    give_points(ani, 100, at=now - 5 * DAY)
    ticket = make_ticket(draw)
    shop = Shop(program)
    (told,) = shop.get("/draws").json()["draws"]
    assert (told["draw"], told["state"], told["seed_digest"]) == ("bike", "open", draw.promise.seed_digest)
    made = shop.post(f"/members/{ani.number}/redemptions", {"reward": ticket.slug, "reference": "r1"})
    assert (made.status_code, made.json()["entries"]) == (201, [1])
    mine = shop.get(f"/members/{ani.number}/draws").json()["draws"]
    assert (mine[0]["numbers"], mine[0]["wins"]) == ([1], [])
    assert shop.post("/redemptions/r1/cancel", {"by": "member"}).status_code == 200
    assert shop.get(f"/members/{ani.number}/draws").json()["draws"][0]["numbers"] == []
