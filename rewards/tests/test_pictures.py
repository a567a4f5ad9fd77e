"""Pictures of rewards: what is taken, what becomes of it, and who sees it."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from loyalty.desk import roles
from loyalty.tests.desk import staff_client
from loyalty.tests.test_desk_work import form_of
from members.testing import OPENING
from rewards import pictures
from rewards.models import Picture
from rewards.testing import make_reward

pytestmark = pytest.mark.django_db


def painted(size=(1600, 1000), kind="JPEG", **more) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, "teal").save(written, kind, **more)
    return written.getvalue()


def test_a_picture_is_painted_anew_in_two_sizes_without_what_was_hidden_in_it(program):
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    kept = pictures.keep(program, painted(exif=exif), at=OPENING)
    for column, size in (("small", (480, 360)), ("large", (1200, 900))):
        shown = Image.open(io.BytesIO(getattr(kept, column)))
        assert (shown.format, shown.size, dict(shown.getexif())) == ("WEBP", size, {})
    assert pictures.keep(program, painted(exif=exif), at=OPENING) == kept


def test_a_small_picture_is_cut_but_not_blown_up(program):
    kept = pictures.keep(program, painted((300, 300), "PNG"), at=OPENING)
    assert Image.open(io.BytesIO(kept.large)).size == (300, 225)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", b"GIF89a" + b"0" * 400,
        painted()[:900], painted((199, 400)), b"\xff\xd8\xff" + b"0" * (6 * 1024 * 1024),
    ],
    ids=["empty", "svg", "gif", "cut short", "too small", "too large"],
)  # fmt: skip
def test_a_file_that_cannot_be_shown_is_refused_and_nothing_is_kept(program, content):
    with pytest.raises(pictures.PictureRefused):
        pictures.keep(program, content, at=OPENING)
    assert not Picture.objects.exists()


def test_a_picture_too_vast_to_unpack_is_refused(program):
    with pytest.raises(pictures.PictureRefused, match="megapixels"):
        pictures.keep(program, painted((9000, 5000), "PNG"), at=OPENING)


def test_the_desk_takes_a_picture_and_the_portal_serves_it_for_ever(program):
    reward = make_reward(program)
    client, address = staff_client(roles.PROGRAM_MANAGER), reverse("admin:rewards_reward_change", args=[reward.pk])
    upload = SimpleUploadedFile("p.jpg", painted(), content_type="image/jpeg")
    assert client.post(address, form_of(client, address) | {"upload": upload}).status_code == 302
    reward.refresh_from_db()
    answer = Client().get(reverse("reward_picture", args=[reward.picture_id, "small"]))
    assert (answer["Content-Type"], "immutable" in answer["Cache-Control"]) == ("image/webp", True)
    assert Image.open(io.BytesIO(answer.content)).size == (480, 360)
    assert Client().get(reverse("reward_picture", args=[reward.picture_id, "huge"])).status_code == 404
    client.post(address, form_of(client, address) | {"takes_picture_away": "on"})
    reward.refresh_from_db()
    assert reward.picture_id is None


def test_the_desk_says_why_a_file_is_no_picture(program):
    reward = make_reward(program)
    client, address = staff_client(roles.PROGRAM_MANAGER), reverse("admin:rewards_reward_change", args=[reward.pk])
    upload = SimpleUploadedFile("p.svg", b"<svg/>", content_type="image/svg+xml")
    page = client.post(address, form_of(client, address) | {"upload": upload, "name": "Other"})
    assert "no JPEG, PNG or WebP picture" in page.content.decode()
    reward.refresh_from_db()
    assert (reward.picture_id, reward.name) == (None, "Free latte")
