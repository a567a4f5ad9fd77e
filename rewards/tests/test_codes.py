"""Codes of partners: files looked through and taken in, codes given out once, kept sealed, warned of when few are left."""

import io
import zipfile
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from openpyxl import Workbook

from loyalty.desk import roles
from loyalty.pos.testing import Shop
from loyalty.tests.desk import staff_client
from members.testing import OPENING, give_points, make_member, make_program, points_of
from members.tests.portal import signed_in, words
from rewards import catalogue, code_files, pools, redemption, vouchers
from rewards.models import CodePool, PoolCode, PoolImport, Redemption
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
LATER = OPENING + timedelta(days=3)


@pytest.fixture
def pool(program):
    return CodePool.objects.create(program=program, name="Bioskop", partner="Bioskop Kota", low_at=2)


def fill(pool, *codes, at=OPENING):
    file = ("\n".join(["code", *codes])).encode()
    return pools.take_in(pools.look_through(pool, file, file_name="c.csv", at=at, actor="test"), at=at, actor="test")


def redeem(member, reward, reference="r1", at=LATER):
    return redemption.redeem(member, reward, at=at, reference=reference, source="test", actor="test")


def test_a_file_is_looked_through_before_anything_is_taken_in(pool):
    fill(pool, "OLD-1")
    file = b"number;Code;note\n1;NEW-1;a\n2;OLD-1;b\n3;NEW-1;c\n4;has blank;d\n5;abc;e\n6;NEW-2;f\n"
    looked = pools.look_through(pool, file, file_name="x.csv", at=LATER, actor="test")
    told = {name: looked.report[name] for name in ("lines", "new", "twice", "known", "bad")}
    assert told == {"lines": 6, "new": 2, "twice": 1, "known": 1, "bad": 2}
    assert (looked.report["twice_lines"], looked.report["known_lines"], looked.report["bad_lines"]) == (
        [4],
        [3],
        [5, 6],
    )
    assert PoolCode.objects.count() == 1
    for _twice in range(2):
        done = pools.take_in(looked, at=LATER, actor="test")
    assert (done.report["taken_in"], done.sealed, PoolCode.objects.count()) == (2, "", 3)


def test_two_files_with_the_same_codes_bring_them_once(pool):
    files = [pools.look_through(pool, b"AAAA\nBBBB", file_name="x", at=LATER, actor="t") for _twice in range(2)]
    assert [pools.take_in(one, at=LATER, actor="t").report["taken_in"] for one in files] == [2, 0]


@pytest.mark.parametrize(
    "file",
    [b"\xff\xfeA\0A\0A\0A\0", "code\nAAAA".encode("utf-16"), b"\xef\xbb\xbfcode\r\nAAAA\r\n", b"AAAA", b'"AAAA"\n'],
)
def test_files_of_every_make_are_read(pool, file):
    assert pools.look_through(pool, file, file_name="x", at=LATER, actor="t").report["new"] == 1


@pytest.mark.parametrize("file", [b"PK\x03\x04\0\0\0\0", b"A" * (5 * 1024 * 1024 + 1), b"AAAA\n" * 100_001])
def test_what_is_no_list_of_codes_is_refused(pool, file):
    with pytest.raises(pools.CodesRefused):
        pools.look_through(pool, file, file_name="x", at=LATER, actor="t")
    assert not PoolImport.objects.exists()


def test_a_file_without_a_new_code_cannot_be_taken_in(pool):
    looked = pools.look_through(pool, b"", file_name="x", at=LATER, actor="t")
    with pytest.raises(pools.CodesRefused):
        pools.take_in(looked, at=LATER, actor="t")


def test_no_code_lies_open_in_the_database(pool):
    looked = pools.look_through(pool, b"SECRET-1\nSECRET-2", file_name="x", at=LATER, actor="t")
    assert "SECRET" not in looked.sealed + str(looked.report)
    pools.take_in(looked, at=LATER, actor="t")
    assert all("SECRET" not in str(row) for row in PoolCode.objects.values_list("sealed", "fingerprint"))


def test_each_member_gets_a_code_of_their_own_and_the_till_finds_it(program, pool, ani, budi):
    fill(pool, "Kino-aa1", "Kino-bb2")
    reward = make_reward(program, cost=10, pool=pool)
    for member in (ani, budi):
        give_points(member, 100)
    assert catalogue.offer(ani, reward, at=LATER).left == 2
    first, second = redeem(ani, reward), redeem(budi, reward, "r2")
    assert [pools.shown(one) for one in (first, second)] == ["Kino-aa1", "Kino-bb2"]
    assert vouchers.find(program, " Kino-bb2 ") == second.voucher
    with pytest.raises(vouchers.VoucherUnknown):
        vouchers.find(program, "kino-bb2")
    with pytest.raises(vouchers.VoucherUnknown):
        vouchers.find(make_program("other"), "Kino-bb2")
    give_points(ani, 100)
    with pytest.raises(redemption.Refusal) as refusal:
        redeem(ani, reward, "r3")
    assert (refusal.value.code, catalogue.offer(ani, reward, at=LATER).refusal.code) == ("out_of_stock", "out_of_stock")
    assert (points_of(ani, at=LATER), Redemption.objects.count()) == (190, 2)


def test_a_code_that_was_seen_is_cancelled_by_staff_only_and_never_given_again(program, pool, ani):
    fill(pool, "CODE-1", "CODE-2")
    give_points(ani, 100)
    reward = make_reward(program, cost=10, pool=pool)
    made = redeem(ani, reward)
    with pytest.raises(redemption.CodeSeen):
        redemption.cancel(made, at=LATER, actor="ani", by_member=True)
    assert points_of(ani, at=LATER) == 90
    redemption.cancel(made, at=LATER, actor="staff", by_member=False)
    assert points_of(ani, at=LATER) == 100
    assert pools.shown(redeem(ani, reward, "r2")) == "CODE-2"


def test_the_member_reads_the_partners_code_in_the_portal_and_the_shop_over_the_api(program, pool, ani):
    now = timezone.now()
    fill(pool, "Kino-aa1", "Kino-bb2")
    give_points(ani, 100, at=now - timedelta(hours=1))
    made = redeem(ani, make_reward(program, cost=10, pool=pool, partner="Bioskop Kota"), at=now)
    page = words(signed_in(ani).get(f"/vouchers/{made.pk}/"))
    assert "Kino-aa1" in page
    assert "the code of Bioskop Kota" in page
    assert "Cancel this voucher" not in page
    shop = Shop(program)
    assert shop.get("/redemptions/r1").json()["partner_code"] == "Kino-aa1"
    assert shop.get("/vouchers/Kino-aa1").json()["redemption"] == "r1"


def test_a_pool_that_runs_low_is_told_on_the_first_page(program, pool):
    make_reward(program, pool=pool)
    client = staff_client(roles.PROGRAM_MANAGER)
    assert "0 codes left of Bioskop" in client.get(reverse("admin:index")).content.decode()
    fill(pool, "AAAA", "BBBB")
    assert "left of Bioskop" not in client.get(reverse("admin:index")).content.decode()


def test_the_desk_brings_a_file_in_through_its_preview(program, pool):
    client = staff_client(roles.PROGRAM_MANAGER)
    file = SimpleUploadedFile("codes.csv", b"code\nAAAA\nAAAA\nBBBB\n", content_type="text/csv")
    preview = client.post(reverse("admin:rewards_codepool_file", args=[pool.pk]), {"file": file}, follow=True)
    assert "Twice in the file" in preview.content.decode()
    assert PoolCode.objects.count() == 0
    looked = PoolImport.objects.get()
    address = reverse("admin:rewards_poolimport_take_in", args=[looked.pk])
    in_the_page = f'<p class="desk-main-deed"><a class="desk-button" href="{address}">Take the codes in</a></p>'
    assert in_the_page in preview.content.decode()
    done = client.post(address, follow=True)
    assert "2 codes are in the pool." in done.content.decode()
    assert "desk-main-deed" not in done.content.decode()
    assert PoolCode.objects.count() == 2
    assert "AAAA" not in client.get(reverse("admin:rewards_codepool_change", args=[pool.pk])).content.decode()


def test_a_role_that_may_only_look_brings_no_codes_in(program, pool):
    client = staff_client(roles.AUDITOR)
    file = SimpleUploadedFile("codes.csv", b"AAAA")
    assert client.post(reverse("admin:rewards_codepool_file", args=[pool.pk]), {"file": file}).status_code == 403
    assert not PoolImport.objects.exists()


def workbook(*rows):
    """A workbook as a spreadsheet program writes it."""
    book = Workbook()
    for row in rows:
        book.active.append(row)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def test_a_workbook_brings_codes_with_the_same_report(pool):
    fill(pool, "OLD-1")
    file = workbook(
        ["no", "Code"], [1, "NEW-1"], [2, "OLD-1"], [3, "NEW-1"], [4, 20261123.0], [5, "=1+1"], [], [6, None]
    )
    looked = pools.look_through(pool, file, file_name="x.xlsx", at=LATER, actor="test")
    names = ("lines", "new", "twice_lines", "known_lines", "bad_lines", "number_lines")
    told = {name: looked.report[name] for name in names}
    assert told == {
        "lines": 6,
        "new": 1,
        "twice_lines": [4],
        "known_lines": [3],
        "bad_lines": [6, 8],
        "number_lines": [5],
    }
    pools.take_in(looked, at=LATER, actor="test")
    assert pools.left([pool.pk]) == {pool.pk: 2}


def test_codes_that_a_spreadsheet_made_numbers_are_named_and_not_taken_in_wrongly(program, pool):
    book = Workbook()
    for place, (value, shape) in enumerate([(12345, "General"), (12345, "0000000"), ("0099", "@"), (1.5, "0000"), (12, "0")], start=1):  # fmt: skip
        cell = book.active.cell(place, 1, value)
        cell.number_format = shape
    written = io.BytesIO()
    book.save(written)
    looked = pools.look_through(pool, written.getvalue(), file_name="x.xlsx", at=LATER, actor="test")
    assert (looked.report["new"], looked.report["numbers"], looked.report["number_lines"]) == (2, 3, [1, 4, 5])
    page = staff_client(roles.PROGRAM_MANAGER).get(reverse("admin:rewards_poolimport_change", args=[looked.pk]))
    assert "zeros in front are lost" in words(page)
    pools.take_in(looked, at=LATER, actor="test")
    reward = make_reward(program, cost=10, pool=pool)
    codes = set()
    for name in ("Ayu", "Bayu"):
        member = make_member(program, name)
        give_points(member, 10)
        codes.add(pools.shown(redeem(member, reward, name)))
    assert codes == {"0012345", "0099"}


def test_a_broken_or_swollen_workbook_is_refused_and_brings_nothing(pool):
    file = workbook(["code"], ["NEW-1"])
    for broken in (b"PK\x03\x04", file[:200], file[:-30]):
        with pytest.raises(pools.CodesRefused, match="cannot be read"):
            pools.look_through(pool, broken, file_name="x.xlsx", at=LATER, actor="test")
    for part, size in (("worksheets/sheet2", code_files.MOST_UNPACKED), ("more", code_files.MOST_BESIDES)):
        packed = io.BytesIO(file)
        with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED) as swollen:
            swollen.writestr(f"xl/{part}.xml", b"0" * (size + 1))
        with pytest.raises(pools.CodesRefused, match="too large when it is unpacked"):
            pools.look_through(pool, packed.getvalue(), file_name="x.xlsx", at=LATER, actor="test")
    assert not PoolImport.objects.exists()
