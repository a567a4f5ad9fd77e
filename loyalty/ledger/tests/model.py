"""What an account is, simple enough to be right by looking at it; `lives` holds the real one against it."""

from datetime import timedelta

from loyalty.common.clock import day_start, local_day

ZONE = "Asia/Jakarta"
HOLD = timedelta(minutes=15)
# How many days after a purchase or a redemption points of inactivity live.
IDLE_DAYS = 3


def after_days(at, days):
    """The end of points whose last valid day is so many days after that of an instant."""
    return day_start(local_day(at, ZONE) + timedelta(days=days + 1), ZONE)


class Model:
    """Lots as [points free, end]; holds as lists of (lot, points), burns as those and the lots that lived by days of grace then.

    Lots that wait for an event end on their cancel-by instant and stand in `waits` with the end they get once confirmed; those
    that wait for a day stand in `coming`, those that end by inactivity in `idle`. `policy` and `limit` say what a refund does with what is not there any more.
    """

    def __init__(self, now):
        self.now, self.debt = now, 0
        self.lots, self.burns, self.holds, self.orders = [], [], [], []
        self.waits, self.begins, self.graced, self.given = {}, [], set(), {}
        self.coming, self.policy, self.limit = set(), "debt", None
        self.idle = set()

    def is_pending(self, lot):
        return lot in self.waits or lot in self.coming

    def balance(self):
        return sum(left for lot, (left, ends) in enumerate(self.lots) if ends > self.now and not self.is_pending(lot))

    def pending(self):
        return sum(left for lot, (left, ends) in enumerate(self.lots) if ends > self.now and self.is_pending(lot))

    def repay(self, lot, *, at_most=None, at=None):
        points = self.lots[lot][0] if at_most is None else at_most
        part = min(self.debt, points) if self.lots[lot][1] > (at or self.now) else 0
        self.lots[lot][0] -= part
        self.debt -= part

    def earn(self, points, ends):
        self.add(points, ends)
        self.repay(len(self.lots) - 1)

    def add(self, points, ends):
        self.lots.append([points, ends])
        self.begins.append(self.now)
        self.orders.append({"earned": points, "asked": 0, "taken": 0, "expired": 0})

    def announce(self, points, begins, ends):
        self.add(points, ends)
        self.begins[-1] = begins
        self.coming.add(len(self.lots) - 1)

    def pass_time(self):
        """Holds that are over first, then the points whose day has come, in burn order; both repay debt."""
        self.end_holds()
        for lot in self.in_burn_order():
            if lot in self.coming and self.begins[lot] <= self.now:
                self.coming.discard(lot)
                self.repay(lot, at=self.begins[lot])

    def expect(self, points, until, ends):
        self.waits[len(self.lots)] = ends
        self.add(points, until)

    def confirm(self, lot, occurred_at):
        """Whether the event came before the lot's cancel-by instant. What goods that came back missed stays gone."""
        if occurred_at >= self.lots[lot][1]:
            return False
        order = self.orders[lot]
        missed = order["asked"] - order["taken"]
        if missed and self.lots[lot][1] <= self.now:
            self.lapse(lot)
        back = max(0, order["expired"] - missed)
        order["expired"] -= back
        self.lots[lot] = [self.lots[lot][0] + back, self.waits.pop(lot)]
        self.begins[lot] = max(self.begins[lot], occurred_at)
        self.repay(lot)
        return True

    def cancel(self, lot):
        left = self.lots[lot][0]
        if not left or not self.is_pending(lot) or self.lots[lot][1] <= self.now:
            return False
        self.refund(lot, left)
        return True

    def in_burn_order(self):
        return sorted(range(len(self.lots)), key=lambda lot: (self.lots[lot][1], self.begins[lot], lot))

    def draw(self, points, but=None, first=None):
        """What is drawn from which lot, and what is missing; `first` names a lot to draw on before the others."""
        taken = []
        for lot in sorted(self.in_burn_order(), key=lambda lot: lot != first):
            left, ends = self.lots[lot]
            part = min(left, points)
            if ends > self.now and part > 0 and lot != but and not self.is_pending(lot):
                self.lots[lot][0] -= part
                points -= part
                taken.append((lot, part))
        return taken, points

    def put_back(self, taken, *, at=None):
        for lot, part in taken:
            self.lots[lot][0] += part
            self.repay(lot, at_most=part, at=at)

    def undo(self, burn, grace_days):
        """A redemption is reversed: lots that have ended live so many more days, what was left on them stays gone.

        Not those that had lived so already when it drew on them.
        """
        taken, graced = burn
        for lot, _part in taken:
            ends = self.lots[lot][1]
            if grace_days and ends <= self.now and not (lot in graced and ends in self.given[lot]):
                self.graced.add(lot)
                self.lapse(lot)
                self.lots[lot][1] = after_days(self.now, grace_days)
                self.given.setdefault(lot, set()).add(self.lots[lot][1])
        self.put_back(taken)

    def undo_part(self, number, points, grace_days):
        """A part of a redemption is reversed, what was drawn last first; whether so much was left."""
        taken, graced = self.burns[number]
        if points > sum(part for _lot, part in taken):
            return False
        rest, back = list(taken), []
        while points:
            lot, part = rest.pop()
            back.append((lot, min(part, points)))
            if part > points:
                rest.append((lot, part - points))
            points -= back[-1][1]
        self.burns[number] = (rest, graced)
        self.undo((back, graced), grace_days)
        return True

    def burn(self, taken):
        """What a redemption took, and which lots lived by days of grace then. It is an activity."""
        self.burns.append((taken, frozenset(self.graced)))
        self.be_active()

    def linger(self, points):
        """Points that end by inactivity."""
        self.earn(points, after_days(self.now, IDLE_DAYS))
        self.idle.add(len(self.lots) - 1)

    def be_active(self):
        """What ends by inactivity and has not ended lives its days again, never less than it would have."""
        for lot in self.idle:
            if self.lots[lot][1] > self.now:
                self.lots[lot][1] = max(self.lots[lot][1], after_days(self.now, IDLE_DAYS))

    def capture(self, parts, points):
        """Of a hold so many points are used, in the order in which they were reserved; returns what is used, frees the rest."""
        used, freed = [], []
        for lot, part in parts:
            taken = min(part, points)
            points -= taken
            used += [(lot, taken)] if taken else []
            freed += [(lot, part - taken)] if part > taken else []
        self.put_back(freed)
        return used

    def end_holds(self):
        for held in self.holds:
            if held["open"] and held["ends"] <= self.now:
                held["open"] = False
                self.put_back(held["parts"], at=held["ends"])

    def gone(self, lot):
        left, ends = self.lots[lot]
        return self.orders[lot]["expired"] + (left if ends <= self.now else 0)

    def refund(self, lot, points):
        order = self.orders[lot]
        if order["asked"] + points > order["earned"]:
            return False
        order["asked"] += points
        due = max(0, order["asked"] - self.gone(lot) - order["taken"])
        order["taken"] += due
        if self.lots[lot][1] > self.now and (self.policy != "pending" or self.is_pending(lot)):
            own = min(due, self.lots[lot][0])
            self.lots[lot][0] -= own
            due -= own
        missing = due if self.policy == "pending" else self.draw(due, but=lot)[1]
        if self.policy == "debt":
            self.debt += missing if self.limit is None else min(missing, max(0, self.limit - self.debt))
        return True

    def lapse(self, lot):
        self.orders[lot]["expired"] += self.lots[lot][0]
        self.lots[lot][0] = 0

    def sweep(self):
        for lot, (_left, ends) in enumerate(self.lots):
            if ends <= self.now:
                self.lapse(lot)

    # --- by hand ---
    def held(self, lot):
        return sum(part for held in self.holds if held["open"] for one, part in held["parts"] if one == lot)

    def extend(self, before, until):
        """Open points that would end before an instant live longer; how many lots that moves."""
        moved = [
            lot
            for lot, (left, ends) in enumerate(self.lots)
            if left + self.held(lot) > 0 and lot not in self.waits and self.now < ends < min(before, until)
        ]
        for lot in moved:
            self.lots[lot][1] = until
        return len(moved)

    def write_off(self, points):
        """Whether so much was owed."""
        fits = points <= self.debt
        self.debt -= points if fits else 0
        return fits

    def reinstate(self, lot, points, until):
        """What ran out is back; what else ran out on that lot stays gone."""
        if until > self.lots[lot][1]:
            if self.lots[lot][1] <= self.now:
                self.lapse(lot)
            self.lots[lot][1] = until
        self.lots[lot][0] += points
        self.orders[lot]["expired"] -= points
        self.repay(lot, at_most=points)

    def fits(self, points):
        """Whether a bulk adjustment of so many points is written at all."""
        return points > 0 or (not self.debt and -points <= self.balance())

    def adjust(self, points, ends):
        """Points added or taken in bulk; what an undo needs to know of it."""
        if points > 0:
            self.earn(points, ends)
            return {"given": len(self.lots) - 1, "points": points}
        return {"taken": self.draw(-points)[0]}

    def take_back(self, done):
        """Undo a bulk adjustment; whether anything was written."""
        if "given" in done:
            lot = done["given"]
            return bool(self.draw(done["points"] - self.gone(lot), first=lot)[0])
        least, parts = after_days(self.now, 14), {}
        for lot, part in done["taken"]:
            ends = max(self.lots[lot][1], least)
            parts[ends] = parts.get(ends, 0) + part
        for ends, part in parts.items():
            self.add(part, ends)
        for lot in range(len(self.lots) - len(parts), len(self.lots)):
            self.repay(lot)
        return True
