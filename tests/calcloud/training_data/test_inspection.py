"""Impossible rows are quarantined with reasons, doubtful ones are kept and flagged, and none is lost."""

import pytest

from pipelines.calcloud.sources.source import read_source
from pipelines.calcloud.training_data.inspection import inspect


@pytest.fixture
def inspected(a_table):
    return lambda *rows: inspect(read_source(str(a_table(*rows)), sample_rows=1, sample_seed=1))


def flags(inspection):
    return inspection.kept[["flag_two_decimals", "flag_crsplit", "flagged"]].to_numpy().tolist()


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"memory": "much"}, ["memory: 'much' is not a number"]),
        ({"memory": ""}, ["memory: is empty"]),
        ({"memory": "nan"}, ["memory: nan is outside 1e-06 to 4096 GB"]),
        ({"wallclock": -1}, ["wallclock: -1 is outside 1e-06 to 1e+07 s"]),
        ({"wallclock": "1_000"}, ["wallclock: '1_000' is not a number"]),
        ({"n_files": 2.5}, ["n_files: 2.5 is not a whole number"]),
        ({"n_files": 0, "drizcorr": 2}, ["n_files: 0 is outside 1 to 100000", "drizcorr: 2 is outside 0 to 1"]),
        ({"ipst": "u2xy0101t"}, ["ipst: 'u2xy0101t' is not the name of an ACS, COS, STIS or WFC3 dataset"]),
        ({"instr": 3}, ["instr: 3 disagrees with ipst jbt301010 (acs, 0)"]),
        ({"dtype": 0}, ["dtype: 0 disagrees with ipst jbt301010 (an association ends in 0)"]),
        ({"mem_bin": 2}, ["mem_bin: 2 disagrees with memory 2.812345 GB"]),
    ],
)
def test_an_impossible_row_is_set_aside_with_its_line_and_reasons(changes, reasons, a_job, inspected):
    inspection = inspected(a_job(ipst="jbt302010"), a_job(**changes))
    assert [(row.line.number, list(row.reasons)) for row in inspection.quarantined] == [(3, reasons)]
    assert list(inspection.kept["ipst"]) == ["jbt302010"]


def test_a_dataset_that_is_listed_twice_is_kept_once(a_job, inspected):
    inspection = inspected(a_job(), a_job(memory=3))
    assert inspection.quarantined[0].reasons == ("ipst: jbt301010 is also in line 2",)
    assert list(inspection.kept["memory"]) == [2.812345]


def test_a_row_with_too_few_fields_is_set_aside_whole(a_job, a_table):
    path = a_table(a_job())
    path.write_text(path.read_text() + "jbt302010,5\n")
    inspection = inspect(read_source(str(path), sample_rows=1, sample_seed=1))
    assert inspection.quarantined[0].line.fields == ("jbt302010", "5")
    assert inspection.quarantined_by_reason() == {"row": 1}


def test_a_label_with_two_decimals_is_kept_and_flagged(a_job, inspected):
    assert flags(inspected(a_job(memory=2.81), a_job(ipst="jbt302010"))) == [[1, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize(
    ("crsplit", "measured", "flag"),
    [
        (2, "2021-05-11", 1),
        (2, "2021-08-20", 0),
        (2, "2021-11", 0),
        (2, "1628000000", 1),
        (2, "1636048291", 0),
        (2, "unknown", 1),
        (1, "2021-05-11", 0),
        (0, "2021-05-11", 0),
        (4, "2021-08-20", 1),
    ],
)
def test_a_crsplit_that_may_mean_something_else_is_flagged(crsplit, measured, flag, a_job, inspected):
    inspection = inspected(a_job(crsplit=crsplit, src_date=measured))
    assert flags(inspection) == [[0, flag, flag]]
    assert list(inspection.kept["crsplit"]) == [min(crsplit, 2)]


def test_without_dates_only_raw_counts_are_doubtful(a_job, inspected):
    assert flags(inspected(a_job(), a_job(ipst="jbt302010", crsplit=4))) == [[0, 0, 0], [0, 1, 1]]


def test_flags_and_simulation_stay_with_a_row_that_is_read_again(a_job, inspected):
    inspection = inspected(a_job(flag_crsplit=1, flagged=1, simulated=1))
    assert flags(inspection) == [[0, 1, 1]]
    assert list(inspection.kept["simulated"]) == [1]


def test_a_table_without_the_mark_is_not_simulated(a_job, inspected):
    assert list(inspected(a_job()).kept["simulated"]) == [0]


def test_other_columns_of_the_source_are_kept_as_they_are(a_job, inspected):
    assert list(inspected(a_job(observer="Hopkins")).kept["observer"]) == ["Hopkins"]


def test_no_row_of_the_real_table_gets_lost(hst_jobs):
    inspection = inspect(read_source(str(hst_jobs), sample_rows=1, sample_seed=1))
    assert (len(inspection.kept), inspection.quarantined) == (57_869, ())
    assert inspection.flagged_by_flag()["flag_two_decimals"] == inspection.kept["legacy_2dp"].astype(int).sum() == 445


@pytest.mark.parametrize("text", ["1", "1.0", "1.00", "01", "true", "TRUE", "t", "yes", "Y"])
def test_a_simulated_job_is_marked_however_its_table_spells_it(text, a_job, inspected):
    assert list(inspected(a_job(simulated=text)).kept["simulated"]) == [1]


@pytest.mark.parametrize("text", ["0", "0.0", "false", "F", "no", "N", "", "nan"])
def test_a_real_job_is_not_marked_as_simulated(text, a_job, inspected):
    assert list(inspected(a_job(simulated=text)).kept["simulated"]) == [0]


def test_a_mark_that_is_neither_yes_nor_no_sets_its_row_aside(a_job, inspected):
    inspection = inspected(a_job(simulated=0), a_job(ipst="jbt302010", simulated="perhaps"))
    reason = "simulated: 'perhaps' is neither yes nor no (1, true, yes or 0, false, no)"
    assert [row.reasons for row in inspection.quarantined] == [(reason,)]
    assert list(inspection.kept["ipst"]) == ["jbt301010"]
