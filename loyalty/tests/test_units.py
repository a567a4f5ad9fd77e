"""The systemd units start again whatever ends: beat does when the database goes away (docs/running.md, 4)."""

from configparser import ConfigParser

import pytest
from django.conf import settings

UNITS = sorted((settings.BASE_DIR / "docs" / "systemd").glob("*.service"))


def test_there_is_a_unit_for_each_part_and_one_for_all():
    assert {unit.stem for unit in UNITS} == {"setia", "setia-beat", "setia-web", "setia-worker"}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_started_again_for_as_long_as_it_takes(unit):
    terms = ConfigParser(interpolation=None)
    terms.read(unit)
    assert terms["Service"]["Restart"] == "always"
    assert terms["Unit"]["StartLimitIntervalSec"] == "0"
