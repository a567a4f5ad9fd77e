"""Letters passed to another system by a signed call: to a gateway for WhatsApp or SMS, or whatever a shop has (docs/messages.md).

Which letters, where to and with what secret is asked of the floor named in `SETIA_PASSED_ON`. The call carries the letter as it reads,
and `letter`, by which a repeat can be recognised. An answer from 200 to 299 means taken, any other refused; a call that broke off
after it was sent is uncertain.
"""

import json
import socket
import urllib.error
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from loyalty.common.calls import post_json
from loyalty.mail import gate, rendering, signatures
from loyalty.mail.channels import ChannelUnreachable, LetterRefused
from loyalty.mail.delivery import first_line
from loyalty.mail.kinds import kind_of
from loyalty.mail.models import Message

SECONDS = 10
# What says that a connection was never made; anything later may have been heard.
NEVER_HEARD = (ConnectionRefusedError, socket.gaierror)


@dataclass(frozen=True, slots=True)
class Target:
    """Where letters of some kinds go, and the secret their calls are signed with."""

    address: str
    secret: str
    kinds: frozenset[str]


class Webhook:
    """The channel of calls."""

    name = Message.Channel.WEBHOOK.value

    def kinds(self) -> frozenset[str]:
        """What any program passes on."""
        found: frozenset[str] = import_string(settings.SETIA_KINDS_PASSED_ON)()
        return found

    def wanted(self, letters: Sequence[Message]) -> list[Message]:
        """The letters of kinds that their reader's program passes on."""
        targets = _targets({one.recipient for one in letters})
        return [one for one in letters if one.recipient in targets and one.kind in targets[one.recipient].kinds]

    def hand_over(self, letter: Message) -> None:
        """Make the call. Raises LetterRefused, ChannelUnreachable, or whatever leaves it open what became of it."""
        target = _targets([letter.recipient]).get(letter.recipient)
        if target is None:
            raise LetterRefused(_("Its program passes no letters on any more."))
        try:
            body = json.dumps(told(letter), cls=DjangoJSONEncoder).encode()
        except Exception as failure:
            raise LetterRefused(first_line(failure)) from failure
        headers = {signatures.HEADER: signatures.sign(body, target.secret, at=timezone.now())}
        try:
            status = post_json(target.address, body, headers=headers, seconds=SECONDS)
        except urllib.error.HTTPError as refusal:
            raise LetterRefused(_("The other system answered %(status)d.") % {"status": refusal.code}) from refusal
        except urllib.error.URLError as failure:
            if isinstance(failure.reason, NEVER_HEARD):
                raise ChannelUnreachable(first_line(failure)) from failure
            raise
        if status >= 300:
            raise LetterRefused(_("The other system answered %(status)d.") % {"status": status})


def told(letter: Message) -> dict[str, Any]:
    """What the other system gets."""
    subject, text, html = rendering.render(letter)
    reader = gate.readers_of([letter]).get(letter.recipient) or gate.Reader("")
    return {
        "letter": letter.pk, "kind": letter.kind, "purpose": kind_of(letter.kind).purpose or "service",
        "member": letter.recipient, "name": reader.name, "phone": reader.phone, "email": reader.address,
        "agreed_by": sorted(channel for channel, purpose in reader.agrees if purpose == kind_of(letter.kind).purpose),
        "language": letter.language, "subject": subject, "text": text, "html": html, "values": letter.context,
        "queued_at": letter.queued_at,
    }  # fmt: skip


def _targets(numbers: Collection[str]) -> dict[str, Target]:
    found: dict[str, Target] = import_string(settings.SETIA_PASSED_ON)(set(numbers))
    return found
