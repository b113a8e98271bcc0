"""What a job asks of its site's queue and graphics processors is kept in the plan, and held against the site."""

from __future__ import annotations

import pytest

from wcl import WclError


@pytest.fixture
def text(reduce_text):
    def make(module="", site="", other=""):
        top = f"<site>\n<local>\n{site}\n</local>\n</site>"
        changed = reduce_text.replace("project = TST", f"project = TST\n{top}")
        changed = changed.replace("wrapperloop = band, ccd", f"wrapperloop = band, ccd\n{module}")
        return changed.replace("loopobj = list.reds", f"loopobj = list.reds\n{other}")

    return make


def test_graphics_processors_partition_and_account_are_in_the_plan(plan, text):
    needs = next(plan(text("request_gpus = 1\npartition = gpu-shared\naccount = umn131")).calls).needs
    assert (needs.gpus, needs.partition, needs.account) == (1, "gpu-shared", "umn131")


def test_a_site_may_say_them_for_all_its_jobs(plan, text):
    needs = next(plan(text(site="gridtype = batch\npartition = long\naccount = umn131")).calls).needs
    assert (needs.partition, needs.account) == ("long", "umn131")


def test_a_site_without_a_queue_warns_of_what_means_nothing_there(plan, text):
    planned = plan(text("request_gpus = 1\npartition = gpu-shared"))
    first, second = planned.warnings
    assert "site 'local' does not say how many graphics processors it has" in first
    assert "partition = gpu-shared of module 'reduce' means nothing at site 'local'" in second
    assert plan(text("partition = gpu-shared", site="gridtype = batch")).warnings == ()


def test_a_site_that_counts_its_graphics_processors_gives_them(plan, text):
    planned = plan(text("request_gpus = 2", site="gpus = 2"))
    assert (planned.gpus, planned.warnings) == (2, ())


def test_more_graphics_processors_than_there_are_are_refused(plan, text):
    with pytest.raises(WclError, match="asks for 3 graphics processors, and site 'local' has 2") as error:
        plan(text("request_gpus = 3", site="gpus = 2"))
    assert "request_gpus = 3" in error.value.problems[0].text


def test_a_job_of_two_partitions_is_refused(plan, text):
    with pytest.raises(WclError, match="job 1 would have more than one partition: cpu, gpu"):
        plan(text("partition = gpu", other="partition = cpu"))


def test_a_partition_is_one_word(plan, text):
    with pytest.raises(WclError, match="partition = a b is not one word"):
        plan(text("partition = a b"))
