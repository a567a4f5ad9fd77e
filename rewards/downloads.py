"""Private files: kept as they were uploaded, and fetched by the member who holds them.

A link is signed for one redemption and ends after LINK_MINUTES. Whoever follows it must be signed in as the member who holds the redemption;
that is looked at again each time. The first fetch of a link is a use of the voucher (by its nonce as the receipt); a repeated one is the same use.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from pathlib import PurePath

from django.core import signing
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.ledger.models import Program
from members.models import Member
from rewards import holdings, vouchers
from rewards.models import PrivateFile, Redemption

LINK_MINUTES = 10
MOST_BYTES = 20 * 1024 * 1024
TILL = "portal"
SALT = "rewards.download"
# Sent as a download whatever it is; these are what members can open.
ENDINGS = (".pdf", ".epub", ".txt", ".zip", ".mp3", ".m4a", ".flac", ".mp4", ".jpg", ".jpeg", ".png", ".webp", ".csv")


class FileRefused(Refusal):
    """The file cannot be kept as a download."""

    code = "file_refused"
    status = 422


class LinkUnknown(Refusal):
    """The link was not made here, or for somebody else."""

    code = "link_unknown"
    status = 404


class LinkEnded(Refusal):
    """The link has ended; the page of the voucher has a new one."""

    code = "link_ended"
    status = 410


def check(name: str, size: int) -> None:
    """Raise FileRefused where a file cannot be kept."""
    if PurePath(name).suffix.lower() not in ENDINGS:
        raise FileRefused(_("Choose a file of one of these kinds: %(endings)s.") % {"endings": ", ".join(ENDINGS)})
    if not 0 < size <= MOST_BYTES:
        raise FileRefused(_("Choose a file that is not empty and has 20 MB at most."))


def keep(program: Program, name: str, content: bytes, *, at: datetime) -> PrivateFile:
    """Keep a file; the same name and content again are the same file. Raises FileRefused."""
    check(name, len(content))
    name = PurePath(name).name[-120:]
    digest = hashlib.sha256(f"{program.pk}:{name}:".encode() + content).hexdigest()
    terms = {"program": program, "name": name, "size": len(content), "content": content, "kept_at": at}
    made, _is_new = PrivateFile.objects.defer("content").get_or_create(digest=digest, defaults=terms)
    return made


def link_token(redemption: Redemption, *, at: datetime) -> str:
    """A signed link to the file of a redemption."""
    ends = int((at + timedelta(minutes=LINK_MINUTES)).timestamp())
    return signing.dumps([redemption.pk, secrets.token_hex(8), ends], salt=SALT)


def fetch(member: Member, token: str, *, at: datetime) -> PrivateFile:
    """The file behind a link, counted as a use of its voucher. Raises LinkUnknown, LinkEnded or what refuses a use."""
    try:
        pk, nonce, ends = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError):
        raise _unknown() from None
    held = holdings.of_member(member).filter(pk=pk).select_related("reward__file").first()
    if held is None or held.reward.file is None or held.status == Redemption.Status.CANCELLED:
        raise _unknown()
    if at.timestamp() >= ends:
        raise LinkEnded(_("This link has ended. Use the button again."), redemption=held.pk)
    vouchers.use(held.voucher, at=at, till=TILL, receipt=nonce, actor=f"member:{member.number}", at_till=False)
    return held.reward.file


def _unknown() -> LinkUnknown:
    return LinkUnknown(_("There is no such download. Look at your vouchers."))
