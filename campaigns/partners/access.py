"""Keys of partners: made on the partner's page, with one scope that opens the partner's own postings and nothing else."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.partners.models import Partner, PartnerKey
from loyalty.common.errors import Refusal
from loyalty.pos import keys
from loyalty.pos.models import ApiKey


class NotAPartner(Refusal):
    """The key has the scope of partners, but belongs to none."""

    code = "not_a_partner"
    status = 404


@transaction.atomic
def give_key(partner: Partner, *, at: datetime, actor: str) -> tuple[ApiKey, str]:
    """A new key for a partner, with its secret, which nobody can read again. Keys it has stay as they are."""
    name = f"{partner.name} ({partner.slug})"[:80]
    key, secret = keys.create(partner.program, name=name, scopes=[keys.PARTNER], at=at, actor=actor)
    PartnerKey.objects.create(partner=partner, api_key=key)
    return key, secret


def partner_of(key: ApiKey) -> Partner:
    """Whose key this is. Raises NotAPartner."""
    found = PartnerKey.objects.filter(api_key=key).select_related("partner__program").first()
    if found is None:
        raise NotAPartner(_("This key belongs to no partner. Ask for a partner's key."))
    return found.partner
