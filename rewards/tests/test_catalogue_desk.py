"""The form of a reward on the desk shows what can be done with this reward, and nothing else."""

from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from loyalty.desk import roles
from loyalty.tests.desk import staff_client
from rewards import pictures
from rewards.models import Reward, RewardPrice
from rewards.testing import make_reward
from rewards.tests.test_pictures import painted

pytestmark = pytest.mark.django_db


def page_of(client, reward=None):
    name, args = ("change", [reward.pk]) if reward else ("add", [])
    return client.get(reverse(f"admin:rewards_reward_{name}", args=args)).content.decode()


def test_a_new_reward_has_nothing_to_change_or_take_away(program):
    page = page_of(staff_client(roles.PROGRAM_MANAGER))
    assert "edit_prices" not in page and "takes_picture_away" not in page
    assert "prices-TOTAL_FORMS" in page and "steps-TOTAL_FORMS" in page


def test_prices_steps_and_the_picture_stand_where_there_are_some(program):
    reward, client = make_reward(program), staff_client(roles.PROGRAM_MANAGER)
    page = page_of(client, reward)
    assert "Change the prices, with a preview" in page and "prices-TOTAL_FORMS" not in page
    assert "takes_picture_away" not in page and "steps-TOTAL_FORMS" not in page
    RewardPrice.objects.create(reward=reward, cost=5)
    pictures.hang(reward, painted(), at=timezone.now())
    page = page_of(client, reward)
    assert "prices-TOTAL_FORMS" in page and "takes_picture_away" in page
    Reward.objects.filter(pk=reward.pk).update(kind="business", measure="volume")
    reward.steps.create(least=Decimal(0), percent=Decimal(3))
    assert "steps-TOTAL_FORMS" in page_of(client, reward)
