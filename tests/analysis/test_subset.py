"""How much of a run its page shows: the cost of a page grows evenly with the results."""

from __future__ import annotations

import pytest

from samenet.analysis.subset import (
    DETAILED_OF_MANY,
    DETAILED_RESULTS,
    DETAILED_TASKS,
    count_detailed,
)


@pytest.mark.parametrize("arms", [1, 2, 4, 10, 16])
def test_no_page_of_fewer_results_shows_many_more(arms: int) -> None:
    """However many tasks a run has, its page draws at most what one of usual size does."""
    most = max(DETAILED_RESULTS, DETAILED_TASKS * arms)
    assert all(count_detailed(tasks, arms) * arms <= most for tasks in range(1, 1000))


@pytest.mark.parametrize("arms", [1, 2, 4, 10, 16])
def test_ten_times_the_results_cost_no_more_pictures(arms: int) -> None:
    """Beyond the usual size, every run of these arms shows the same number of tasks."""
    first = DETAILED_RESULTS // arms + DETAILED_TASKS + 1
    shown = {count_detailed(tasks, arms) for tasks in range(first, 1000)}
    assert shown == {max(1, DETAILED_OF_MANY // arms)}


@pytest.mark.parametrize(("tasks", "arms"), [(3, 4), (3, 16), (10, 4), (1, 20)])
def test_a_run_of_usual_size_is_shown_whole(tasks: int, arms: int) -> None:
    """The main job in all modes, and all shipped tasks in the usual ones, lose no detail."""
    assert count_detailed(tasks, arms) == tasks
