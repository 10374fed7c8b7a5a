"""Where no control group can be made, the benchmark says which file stood in the way, and leaves nothing."""

import pytest

from scripts.benchmarks.cgroup import Unavailable, limited


def test_a_hierarchy_that_may_not_be_written_is_named(tmp_path):
    (tmp_path / "cgroup.controllers").write_text("memory\n")

    with (
        pytest.raises(Unavailable, match=r"cgroup\.subtree_control: No such file"),
        limited(0.5, root=tmp_path),
    ):
        pytest.fail("there is no quota")


def test_a_group_without_the_controller_is_removed_again(tmp_path):
    (tmp_path / "cgroup.controllers").write_text("cpu\n")
    (tmp_path / "cgroup.subtree_control").write_text("")

    with pytest.raises(Unavailable, match=r"cpu\.max"), limited(0.5, root=tmp_path):
        pytest.fail("there is no quota")
    assert [p.name for p in tmp_path.iterdir() if p.is_dir()] == []
