"""Challenges: cards to fill, goals to reach, streaks to keep, and instant wins (DOMAIN 10.3, docs/challenges.md).

Progress is a function of what members did: after each purchase, event or refund the facts of the running challenges are walked
again, and only the difference to the prizes that stand is given or taken back. So it is exact in any order of arrival.
"""
