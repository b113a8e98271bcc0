"""Simulated jobs: a seeded table whose mix, ranges and shares of bins are those published for real jobs.

The numbers below were taken from 57,869 real jobs of 2021. No simulated row is a real job, and a model trained on them
says nothing about Hubble: the table is for trying the pipeline without the real data.
"""

import csv
import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.sources.schema import DATE_NAMES, NAMES, SIMULATED, bin_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class JobKind:
    """Kind of job: an instrument in one of its settings, with the sizes of its input.

    `n_files` and `total_mb` hold the 0, 5, 25, 50, 75, 95 and 100 % quantiles of this kind.
    """

    letter: str
    instr: int
    #: Number of real jobs of this kind; the kinds of an instrument add up to its jobs.
    jobs: int
    drizcorr: int
    pctecorr: int
    #: 2 where the number of exposures is known, 0 where it is not.
    crsplit: int
    subarray: int
    detector: int
    dtype: int
    n_files: tuple[float, ...]
    total_mb: tuple[float, ...]


def _kind(letter: str, jobs: int, switches: str, n_files: tuple[float, ...], total_mb: tuple[float, ...]) -> JobKind:
    drizcorr, pctecorr, crsplit, subarray, detector, dtype = (int(digit) for digit in switches)
    return JobKind(
        letter=letter,
        instr="jloi".index(letter),
        jobs=jobs,
        drizcorr=drizcorr,
        pctecorr=pctecorr,
        crsplit=crsplit,
        subarray=subarray,
        detector=detector,
        dtype=dtype,
        n_files=n_files,
        total_mb=total_mb,
    )


_ONE = (1, 2, 2, 2, 2, 2, 4)
_VISIT = (4, 5, 5, 6, 7, 11, 198)

#: The switches are drizcorr, pctecorr, crsplit, subarray, detector, dtype.
KINDS = (
    _kind("j", 1000, "112011", (3, 5, 5, 7, 9, 13, 114), (20, 69, 69, 103, 138, 206, 1237)),
    _kind("j", 1070, "110011", (3, 5, 5, 7, 9, 13, 60), (20, 69, 69, 103, 138, 206, 700)),
    _kind("j", 950, "102001", (3, 5, 6, 8, 10, 16, 40), (1, 4, 5, 7, 9, 16, 60)),
    _kind("j", 668, "012010", _ONE, (20, 34, 34, 34, 34, 34, 35)),
    _kind("j", 264, "002000", _ONE, (0, 1, 1, 2, 2.3, 9, 30)),
    _kind("l", 2677, "000100", (2, 2, 2, 2, 2, 3, 4), (0, 0, 0, 1, 7, 9, 20)),
    _kind("l", 1731, "000000", (2, 2, 2, 2, 2, 3, 4), (0, 0, 0, 1, 7, 9, 20)),
    _kind("l", 389, "000101", (2, 2, 3, 3, 4, 13, 30), (0, 0, 2, 2, 13, 101, 460)),
    _kind("o", 2574, "002001", (2, 3, 3, 5, 5, 6, 8), (1, 3, 5, 7, 11, 23, 200)),
    _kind("o", 1133, "000001", (2, 3, 3, 5, 5, 6, 8), (1, 3, 5, 7, 11, 23, 580)),
    _kind("o", 728, "002101", (2, 3, 3, 5, 5, 6, 8), (1, 3, 5, 7, 11, 23, 80)),
    _kind("o", 551, "002100", _ONE, (0, 0, 0, 0, 2, 8, 20)),
    _kind("i", 9200, "112011", _VISIT, (20, 69, 70, 70, 105, 140, 847)),
    _kind("i", 4654, "012011", _VISIT, (20, 69, 70, 70, 105, 140, 400)),
    _kind("i", 6209, "112111", _VISIT, (1, 1, 2, 5, 14, 70, 140)),
    _kind("i", 6800, "112010", _ONE, (20, 34, 35, 35, 35, 35, 35)),
    _kind("i", 8800, "012010", _ONE, (20, 34, 35, 35, 35, 35, 35)),
    _kind("i", 2520, "112110", _ONE, (1, 1, 1, 2, 4, 9, 20)),
    _kind("i", 2418, "002010", _ONE, (1, 2, 4, 9, 33, 35, 35)),
    _kind("i", 2866, "100000", _ONE, (0.5, 1, 2, 4, 9, 33, 35)),
    _kind("i", 667, "000001", (3, 5, 5, 6, 9, 21, 60), (1, 1, 1, 5, 18, 120, 300)),
)

_TAIL = 0.95
_SIZE_STEPS = (0, 0.05, 0.25, 0.5, 0.75, _TAIL, 1)

#: Quantiles of memory over all jobs; 77.4, 99.67 and 99.95 % are where the bins meet.
_MEMORY_STEPS = (0, 0.01, 0.05, 0.25, 0.5, 0.7, 0.77383, 0.85, 0.9, 0.95, 0.99672, 0.9995, 1)
_MEMORY_GB = (0.26, 0.4550, 0.4581, 0.5033, 0.9861, 1.0413, 1.792, 2.7812, 2.8152, 3.5708, 7.168, 14.336, 46.7)

#: Quantiles of elapsed time over all jobs.
_WALLCLOCK_STEPS = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1)
_WALLCLOCK_S = (9, 14, 22, 33, 64, 331, 1558, 2590, 3995, 10_071, 21_593, 79_010)

#: log(memory) and log(wallclock) of each instrument: constant, log files, log MB, drizcorr, pctecorr, subarray, dtype.
_MEMORY_TERMS = np.array(
    [
        [-2.50, 0.00, 0.56, 1.11, 0.15, 0.16, -0.13],
        [-1.41, 0.90, 0.06, 0.00, 0.00, -0.38, -0.45],
        [-0.72, -0.11, 0.09, 0.00, 0.00, 0.02, -0.03],
        [-1.55, 0.13, 0.22, 0.59, 0.60, -0.18, -0.04],
    ]
)
_WALLCLOCK_TERMS = np.array(
    [
        [0.62, -0.10, 0.89, 2.06, 1.90, 0.22, 0.33],
        [1.66, 2.29, 0.06, 0.00, 0.00, -0.13, -0.84],
        [2.63, 0.49, 0.23, 0.00, 0.00, -0.12, 0.06],
        [2.14, 0.38, 0.59, 0.22, 2.00, 0.05, 0.02],
    ]
)
_MEMORY_SCATTER = 0.22
_WALLCLOCK_SCATTER = 0.33

#: When the real jobs were measured, and how many; the last two are later than the correction of the code of crsplit.
_DATES = (
    ("2021-05-11", 20_746),
    ("2021-05-13", 16_408),
    ("2021-05-15", 19_144),
    ("2021-08-20", 1_551),
    ("2021-11", 20),
)
_CRSPLIT_ONE_SHARE = 0.95

#: Share of labels with two decimals, from an older way of measuring, in each bin.
_TWO_DECIMALS_SHARE = np.array([217 / 44_781, 95 / 12_898, 106 / 161, 27 / 29])

_LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz0123456789"))


def simulated_jobs_csv(rows: int, seed: int) -> str:
    """Simulate finished jobs.

    Parameters
    ----------
    rows : int
        Number of jobs.
    seed : int
        Seed of the random numbers; the same seed gives the same text.

    Returns
    -------
    str
        CSV with the columns of the schema (MB, GB, s), `src_date` and `simulated`.
    """
    random = np.random.default_rng(seed)
    which = random.choice(len(KINDS), size=rows, p=_shares([kind.jobs for kind in KINDS]))
    kinds = [KINDS[index] for index in which]
    n_files, total_mb = _sizes(kinds, random)
    memory_gb, wallclock_s = _memory_and_time(kinds, n_files, total_mb, random)
    dates = random.choice([date for date, _ in _DATES], size=rows, p=_shares([jobs for _, jobs in _DATES]))
    crsplit = _crsplit(kinds, dates, random)
    names = _names(kinds, random)

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*NAMES, DATE_NAMES[0], SIMULATED])
    for i, kind in enumerate(kinds):
        switches = [kind.drizcorr, kind.pctecorr, crsplit[i], kind.subarray, kind.detector, kind.dtype, kind.instr]
        memory = float(memory_gb[i])
        writer.writerow(
            [
                names[i],
                n_files[i],
                f"{total_mb[i]:g}",
                *switches,
                memory,
                int(wallclock_s[i]),
                bin_of(memory),
                dates[i],
                1,
            ]
        )
    return text.getvalue()


def _shares(counts: list[int]) -> Floats:
    return np.array(counts) / sum(counts)


def _sizes(kinds: list[JobKind], random: np.random.Generator) -> tuple[Ints, Floats]:
    """Return files and MB of each job; both increase together, because all files of a visit have about one size."""
    quantile = random.random(len(kinds))
    # Few jobs come near the largest, so the last stretch of quantiles is not a straight line.
    tail = _TAIL + (1 - _TAIL) * ((quantile - _TAIL) / (1 - _TAIL)) ** 8
    quantile = np.where(quantile > _TAIL, tail, quantile)
    n_files = [np.interp(u, _SIZE_STEPS, kind.n_files) for u, kind in zip(quantile, kinds, strict=True)]
    total_mb = [np.interp(u, _SIZE_STEPS, kind.total_mb) for u, kind in zip(quantile, kinds, strict=True)]
    return np.rint(n_files).astype(np.int64), np.rint(total_mb)


def _memory_and_time(
    kinds: list[JobKind], n_files: Ints, total_mb: Floats, random: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return memory (GB) and time (s): jobs are ranked by features and a random term, and get their rank's quantile."""
    instr = np.array([kind.instr for kind in kinds])
    switches = np.array([[kind.drizcorr, kind.pctecorr, kind.subarray, kind.dtype] for kind in kinds])
    terms = np.column_stack([np.ones(len(kinds)), np.log(n_files), np.log1p(total_mb), switches])
    log_memory = (terms * _MEMORY_TERMS[instr]).sum(axis=1) + random.normal(0, _MEMORY_SCATTER, len(kinds))
    log_wallclock = (terms * _WALLCLOCK_TERMS[instr]).sum(axis=1) + random.normal(0, _WALLCLOCK_SCATTER, len(kinds))
    memory_gb = np.round(np.interp(_rank_shares(log_memory), _MEMORY_STEPS, _MEMORY_GB), 6)
    wallclock_s = np.rint(np.interp(_rank_shares(log_wallclock), _WALLCLOCK_STEPS, _WALLCLOCK_S))
    bins = [bin_of(gb) for gb in memory_gb]
    coarse = random.random(len(kinds)) < _TWO_DECIMALS_SHARE[bins]
    return np.where(coarse, np.round(memory_gb, 2), memory_gb), wallclock_s


def _rank_shares(values: Floats) -> Floats:
    return (np.argsort(np.argsort(values, kind="stable"), kind="stable") + 0.5) / len(values)


def _crsplit(kinds: list[JobKind], dates: npt.NDArray[np.str_], random: np.random.Generator) -> Ints:
    """Return codes of exposures: before August 2021 one exposure was coded 2, like several; afterwards 1."""
    coded = np.array([kind.crsplit for kind in kinds])
    one = (coded == 2) & (dates > "2021-08") & (random.random(len(kinds)) < _CRSPLIT_ONE_SHARE)
    return np.where(one, 1, coded)


def _names(kinds: list[JobKind], random: np.random.Generator) -> list[str]:
    """Return a distinct name for each dataset; some tens of datasets share a program."""
    programs = random.choice(_LETTERS, size=(max(1, len(kinds) // 20), 3))
    used: set[str] = set()
    names = []
    for kind in kinds:
        name = ""
        while not name or name in used:
            program = "".join(programs[random.integers(len(programs))])
            tail = "".join(random.choice(_LETTERS, size=2)) + f"{random.integers(100):02d}"
            name = f"{kind.letter}{program}{tail}{'0' if kind.dtype else 'q'}"
        used.add(name)
        names.append(name)
    return names
