"""What the API says about a number drawn from a pool of prizes."""

from loyalty.pos.wire import Outgoing
from rewards.chances import drawing
from rewards.models import Redemption


class DrawnOut(Outgoing):
    """What a mystery reward or an instant win drew. `prize` is empty when it won nothing; `redemption` is the prize's voucher, where it is one."""

    pool: str
    number: int
    prize: str
    redemption: str | None


def drawn_out(redemption: Redemption) -> DrawnOut | None:
    """What was won by chance as the API says it."""
    drawn = drawing.drawn_for(redemption)
    if drawn is None:
        return None
    won = drawn.redemption.reference if drawn.redemption else None
    return DrawnOut(pool=drawn.prize_pool.slug, number=drawn.number, prize=str(drawn.prize or ""), redemption=won)
