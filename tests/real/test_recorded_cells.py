"""Real cells of gpt-oss-120b: the sandbox prints what a native Jupyter kernel printed."""

import pytest
from support.recorded_cells import compare_all, recorded_sessions, table

TRACES = "data/gpt_oss_traces.jsonl.gz"


def test_short_sessions_print_what_a_notebook_printed(shared):
    sessions = recorded_sessions(shared / TRACES)
    few = dict(sorted(sessions.items(), key=lambda item: sum(len(cell.code) for cell in item[1]))[:40])
    compared = compare_all(few, limit_s=1.0)
    print(table(compared))
    assert len(compared) > 100
    assert sum(one.kind == "equal" for one in compared) >= 0.97 * len(compared), table(compared)
    assert not [one for one in compared if one.kind == "layout"], table(compared)


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
def test_all_cells_print_what_a_notebook_printed(shared):
    sessions = recorded_sessions(shared / TRACES)
    compared = compare_all(sessions)
    print(table(compared))
    assert len(compared) > 6000
    assert sum(one.kind == "equal" for one in compared) >= 0.97 * len(compared), table(compared)
