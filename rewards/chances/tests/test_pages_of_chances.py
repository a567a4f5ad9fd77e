"""What people see of prizes by chance: the odds before, the prize after, the public page, the desk, the command and the API."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.forms import modelform_factory
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from loyalty.desk import roles
from loyalty.desk.stamps import FIELD
from loyalty.pos.testing import Shop
from loyalty.tests.desk import staff_client
from loyalty.tests.test_desk_work import form_of
from members.testing import give_points, make_program
from members.tests.portal import signed_in, words
from rewards.chances import publishing
from rewards.chances.chances_desk import PrizePoolForm
from rewards.chances.terms import PoolRefused
from rewards.chances.testing import make_pool, make_surprise
from rewards.models import PrizePool, Redemption, Reward
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]


def test_a_member_reads_the_odds_pays_and_finds_the_prize(program, ani):
    latte = make_reward(program)
    pool = make_pool(program, {"name": "A latte", "reward": latte, "weight": 3, "pieces": 9}, {"name": "Points", "reward": make_reward(program, "tea", name="Tea")})  # fmt: skip
    reward, client = make_surprise(pool), signed_in(ani)
    give_points(ani, 100, at=timezone.now() - timedelta(days=1))
    ask = client.get(f"/rewards/{reward.slug}/redeem/")
    said = words(ask)
    assert "75 %" in said and "25 %" in said and "9 left" in said and "Every number wins" in said
    assert "It cannot be cancelled" in said
    done = client.post(f"/rewards/{reward.slug}/redeem/", {"token": ask.context["token"]}, follow=True)
    page, drawn = words(done), Redemption.objects.get(reward=reward).pool_draw
    assert f"You won: {drawn.prize}" in page and "See what you won" in page
    assert "Used on" not in page
    assert f'href="/vouchers/{drawn.redemption_id}/"' in done.content.decode()
    assert "QR code" in client.get(f"/vouchers/{drawn.redemption_id}/").content.decode()
    assert client.get(f"/vouchers/{drawn.ticket_id}/cancel/").status_code == 302


def test_everybody_reads_odds_and_digest_and_after_the_close_the_seed(program, ani):
    pool = make_pool(program, one_in=4, name="Lucky card")
    reward = make_surprise(pool)
    give_points(ani, 10, at=timezone.now() - timedelta(days=1))
    assert "No number was drawn yet" in words(Client().get(pool.get_absolute_url()))
    Shop(program).post(f"/members/{ani.number}/redemptions", {"reward": reward.slug, "reference": "r"})
    page = words(Client().get(pool.get_absolute_url()))
    assert "18.8 %" in page and "6.3 %" in page and "One number in 4 wins" in page and pool.promise.seed_digest in page
    assert ani.number not in page
    assert "mine" in signed_in(ani).get(pool.get_absolute_url()).content.decode()
    made = publishing.close(pool, at=timezone.now(), actor="t")
    assert made.seed in words(Client().get(pool.get_absolute_url()))
    record = Client().get(pool.get_absolute_url() + "record.json").json()
    assert (record["seed"], len(record["draws"])) == (made.seed, 1)
    assert reward.slug not in str(signed_in(ani).get("/rewards/").content)


def test_what_a_counted_pool_drew_is_told_at_its_close_only(program, ani):
    pool = make_pool(program, one_in=2, is_counted=True, name="Lucky card")
    reward, shop = make_surprise(pool), Shop(program)
    give_points(ani, 40, at=timezone.now() - timedelta(days=1))
    for number in range(4):
        shop.post(f"/members/{ani.number}/redemptions", {"reward": reward.slug, "reference": f"r{number}"})
    address = pool.get_absolute_url()
    page = words(signed_in(ani).get(address))
    assert "shown when the pool is closed" in page
    assert "Numbers drawn so far" not in page
    assert 'class="mine"' not in page
    assert Client().get(address + "record.json").json()["draws"] == []
    assert "Your number" in words(signed_in(ani).get(f"/vouchers/{Redemption.objects.filter(reward=reward).first().pk}/"))  # fmt: skip
    publishing.close(pool, at=timezone.now(), actor="t")
    record = Client().get(address + "record.json").json()
    assert [bool(place) for _number, place, _out in record["draws"]].count(True) == 2
    assert [one["points"] for one in record["pool"]["prizes"]] == [5, 50]


def test_how_often_a_draft_wins_stays_what_its_rewards_need(program):
    pool = PrizePool.objects.create(program=program, slug="box", name="Box", summary="S", one_in=5)
    pool.prizes.create(name="P", points=5)
    make_surprise(pool)
    client, address = staff_client(roles.PROGRAM_MANAGER), reverse("admin:rewards_prizepool_change", args=[pool.pk])
    assert "does not fit" in words(client.post(address, form_of(client, address) | {"one_in": "1"}))
    assert client.post(address, form_of(client, address) | {"one_in": "7"}).status_code == 302
    PrizePool.objects.filter(pk=pool.pk).update(one_in=1)
    with pytest.raises(PoolRefused, match="does not fit"):
        publishing.publish(pool, at=timezone.now(), actor="t")


def test_a_draft_is_nowhere(program):
    draft = PrizePool.objects.create(program=program, slug="draft", name="D", summary="S")
    assert Client().get(draft.get_absolute_url()).status_code == 404
    assert Client().get(draft.get_absolute_url() + "record.json").status_code == 404


def test_the_page_of_a_pool_takes_as_many_statements_for_one_number_as_for_many(
    program, ani, django_assert_num_queries
):
    pool = make_pool(program, *({"reward": make_reward(program, f"r{n}")} for n in range(6)))
    reward, shop = make_surprise(pool), Shop(program)
    give_points(ani, 100, at=timezone.now() - timedelta(days=1))
    Client().get(pool.get_absolute_url())

    def counted():
        with CaptureQueriesContext(connection) as asked:
            Client().get(pool.get_absolute_url())
        return len(asked)

    shop.post(f"/members/{ani.number}/redemptions", {"reward": reward.slug, "reference": "r0"})
    one = counted()
    for number in range(1, 6):
        shop.post(f"/members/{ani.number}/redemptions", {"reward": reward.slug, "reference": f"r{number}"})
    assert counted() == one


def test_the_desk_writes_publishes_and_closes_a_pool(program, ani):
    client, add = staff_client(roles.PROGRAM_MANAGER), reverse("admin:rewards_prizepool_add")
    values = form_of(client, add) | {"name": "Box", "slug": "box", "summary": "S", "one_in": "1", "prizes-TOTAL_FORMS": "1", "prizes-0-name": "x", "prizes-0-position": "1", "prizes-0-weight": "1"}  # fmt: skip
    assert "one of both" in words(client.post(add, values))
    assert "nothing to count" in words(client.post(add, values | {"is_counted": "on", "prizes-0-points": "5"}))
    assert "Write at least 1" in words(client.post(add, values | {"prizes-0-points": "5", "prizes-0-weight": "0"}))
    mystery = make_surprise(make_pool(program, slug="other"))
    assert client.post(add, values | {"prizes-0-reward": mystery.pk}).status_code == 200
    client.post(add, values | {"prizes-0-points": "5"})
    pool = PrizePool.objects.get(slug="box")
    page = reverse("admin:rewards_prizepool_change", args=[pool.pk])
    assert "publish it" in words(client.get(page))
    client.post(reverse("admin:rewards_prizepool_publish", args=[pool.pk]), follow=True)
    pool.refresh_from_db()
    assert pool.status == "open"
    client.post(page, form_of(client, page) | {"one_in": "9", "prizes-0-points": "99"})
    pool.refresh_from_db()
    assert (pool.one_in, pool.prizes.get().points) == (1, 5)
    assert "Odds of the next number" in words(client.get(page))
    assert client.get(reverse("admin:rewards_prizepool_changelist")).status_code == 200
    client.post(reverse("admin:rewards_prizepool_close", args=[pool.pk]), follow=True)
    pool.refresh_from_db()
    assert pool.status == "closed"


def test_what_was_published_meanwhile_is_not_saved_as_a_draft(program):
    pool = PrizePool.objects.create(program=program, slug="box", name="Box", summary="S")
    pool.prizes.create(name="P", points=5)
    form = modelform_factory(PrizePool, form=PrizePoolForm, fields=("name", "summary"))
    opened = PrizePool.objects.get(pk=pool.pk)
    told = {"name": "Box", "summary": "S", FIELD: form(instance=opened).opened_with}
    assert form(told, instance=opened).is_valid()
    publishing.publish(pool, at=timezone.now(), actor="t")
    assert "this pool meanwhile" in str(form(told, instance=opened).errors)


def test_a_prize_of_a_pool_does_not_become_what_is_drawn_itself(program):
    latte = make_reward(program)
    pool = make_pool(program, {"reward": latte})
    address = reverse("admin:rewards_reward_change", args=[latte.pk])
    client = staff_client(roles.PROGRAM_MANAGER)
    answer = client.post(address, form_of(client, address) | {"kind": "mystery", "prize_pool": pool.pk})
    assert "what is drawn itself cannot be one" in words(answer)
    latte.refresh_from_db()
    assert latte.kind == "discount"


def test_the_desk_asks_for_a_pool_that_fits_the_kind(program):
    sure, rare = make_pool(program, slug="sure"), make_pool(program, slug="rare", one_in=5)
    reward, client = make_reward(program), staff_client(roles.PROGRAM_MANAGER)
    address = reverse("admin:rewards_reward_change", args=[reward.pk])
    values = form_of(client, address)
    assert "This kind of reward needs it" in words(client.post(address, values | {"kind": "mystery"}))
    assert "Only other kinds" in words(client.post(address, values | {"prize_pool": sure.pk}))
    assert "one in several" in words(client.post(address, values | {"kind": "mystery", "prize_pool": rare.pk}))
    assert "one in several" in words(client.post(address, values | {"kind": "instant", "prize_pool": sure.pk}))
    other = make_pool(make_program("teh"))
    assert "another program" in words(client.post(address, values | {"kind": "mystery", "prize_pool": other.pk}))
    assert client.post(address, values | {"kind": "mystery", "prize_pool": sure.pk}).status_code == 302
    assert Reward.objects.get(pk=reward.pk).prize_pool == sure


def test_a_pool_is_verified_from_the_database_and_from_a_kept_record(program, ani, tmp_path):
    pool = make_pool(program)
    give_points(ani, 10, at=timezone.now() - timedelta(days=1))
    Shop(program).post(f"/members/{ani.number}/redemptions", {"reward": make_surprise(pool).slug, "reference": "r"})
    publishing.close(pool, at=timezone.now(), actor="t")
    out = StringIO()
    call_command("verify_draw", stdout=out)
    assert out.getvalue() == "kopi/box holds.\n"
    kept = tmp_path / "kept.json"
    kept.write_bytes(Client().get(pool.get_absolute_url() + "record.json").content)
    call_command("verify_draw", "--file", str(kept), stdout=out)
    record = json.loads(kept.read_text())
    kept.write_text(json.dumps(record | {"seed": "0" * 64}))
    with pytest.raises(SystemExit):
        call_command("verify_draw", "--file", str(kept), stdout=out)
    assert "not the one whose digest" in out.getvalue()


def test_a_shop_draws_for_a_member_and_reads_what_was_won(program, ani):
    pool = make_pool(program, {"name": "Latte", "reward": make_reward(program)})
    reward, shop = make_surprise(pool), Shop(program)
    give_points(ani, 10, at=timezone.now() - timedelta(days=1))
    told = shop.post(f"/members/{ani.number}/redemptions", {"reward": reward.slug, "reference": "r1"}).json()
    won = Redemption.objects.get(cost=0)
    assert told["drawn"] == {"pool": "box", "number": 1, "prize": "Latte", "redemption": won.reference}
    poor = shop.post(f"/members/{ani.number}/redemptions", {"reward": reward.slug, "reference": "r2"})
    assert (poor.status_code, poor.json()["code"]) == (409, "insufficient_points")
