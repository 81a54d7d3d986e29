from __future__ import annotations

import pytest

from detectors.budget import N_QUIET_LEAST, Budget
from engine.config import parse_config

CONFIG = parse_config("[learn]\nfalse_alerts_per_day = 3.0\n")


def test_a_day_of_all_groups_costs_what_the_shop_accepts() -> None:
    budgets = {rate_hz: Budget.of_group(CONFIG, rate_hz, n_groups=3) for rate_hz in (10.0, 10.0, 1.0)}

    per_day = [86_400.0 * rate_hz * budget.rate for rate_hz, budget in budgets.items()]

    assert per_day == pytest.approx([1.0] * len(budgets))


def test_what_opens_an_alert_is_taken_from_the_judge() -> None:
    config = parse_config("[judge]\non = 2.0\non_delay_vectors = 5\nimmediate = 6.0\noff_delay_s = 2.5\n")

    budget = Budget.of_group(config, 10.0, 1)

    assert (budget.n_confirm, budget.immediate, budget.n_quiet) == (5, 3.0, 25)


def test_slow_groups_have_a_quiet_time_too() -> None:
    assert Budget.of_group(CONFIG, 0.1, 1).n_quiet == N_QUIET_LEAST


@pytest.mark.parametrize(("n_members", "n_agreeing"), [(1, 1), (3, 1), (3, 2), (3, 3)])
def test_members_that_never_agree_by_chance_cost_no_more_than_the_budget(
    n_members: int, n_agreeing: int
) -> None:
    share = Budget(rate=1e-4).share(n_members, n_agreeing)

    # Every alert of the whole takes n_agreeing alerts of members.
    assert share.rate * n_members / n_agreeing == pytest.approx(1e-4)
