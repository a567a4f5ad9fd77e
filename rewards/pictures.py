"""Pictures of rewards: checked, turned upright, re-encoded and resized before anybody sees them.

What was uploaded is never served: the picture is painted anew, so that nothing hidden in the file (places, names, scripts)
lives on. Kept in the database beside its reward, under the digest of what was uploaded, so the same picture is kept once.
"""

import hashlib
import io
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError

from loyalty.common.errors import Refusal
from loyalty.ledger.models import Program
from rewards.models import Picture, Reward

MOST_BYTES = 5 * 1024 * 1024
MOST_PIXELS = 40_000_000
LEAST_SIDE = 200
FORMATS = ("JPEG", "PNG", "WEBP")
SMALL, LARGE = (480, 360), (1200, 900)
CONTENT_TYPE = "image/webp"


class PictureRefused(Refusal):
    """The file is no picture that can be shown."""

    code = "picture_refused"
    status = 422


def keep(program: Program, uploaded: bytes, *, at: datetime) -> Picture:
    """Keep a picture in both sizes; the same file again is the same picture. Raises PictureRefused."""
    digest = hashlib.sha256(f"{program.pk}:".encode() + uploaded).hexdigest()
    known = Picture.objects.filter(digest=digest).first()
    if known is not None:
        return known
    painted = _painted(uploaded)
    made, _is_new = Picture.objects.get_or_create(
        digest=digest,
        defaults={
            "program": program,
            "small": _fitted(painted, SMALL),
            "large": _fitted(painted, LARGE),
            "kept_at": at,
        },
    )
    return made


def check(uploaded: bytes) -> None:
    """Raise PictureRefused where a file is no picture that can be shown."""
    _painted(uploaded)


@transaction.atomic
def hang(reward: Reward, uploaded: bytes | None, *, at: datetime) -> Reward:
    """Give a reward its picture; None takes it away."""
    reward.picture = None if uploaded is None else keep(reward.program, uploaded, at=at)
    reward.save(update_fields=["picture"])
    return reward


def _painted(uploaded: bytes) -> Image.Image:
    """The picture itself, upright, in plain colours. Raises PictureRefused."""
    if len(uploaded) > MOST_BYTES:
        raise PictureRefused(_("This file is larger than 5 MB. Choose a smaller picture."))
    try:
        opened = Image.open(io.BytesIO(uploaded), formats=FORMATS)
        if opened.width * opened.height > MOST_PIXELS:
            raise PictureRefused(_("This picture has more than 40 megapixels. Choose a smaller one."))
        opened.load()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise PictureRefused(_("This file is no JPEG, PNG or WebP picture, or it is damaged.")) from None
    if min(opened.size) < LEAST_SIDE:
        raise PictureRefused(_("This picture is too small. Each side needs 200 pixels."))
    upright = ImageOps.exif_transpose(opened).convert("RGBA")
    plain = Image.new("RGB", upright.size, "white")
    plain.paste(upright, mask=upright.getchannel("A"))
    return plain


def _fitted(picture: Image.Image, size: tuple[int, int]) -> bytes:
    """The picture cut to the shape of the catalogue, no larger than `size`."""
    width, height = size
    scale = min(1.0, picture.width / width, picture.height / height)
    target = (max(1, round(width * scale)), max(1, round(height * scale)))
    written = io.BytesIO()
    ImageOps.fit(picture, target, Image.Resampling.LANCZOS).save(written, "WEBP", quality=80, method=4)
    return written.getvalue()
