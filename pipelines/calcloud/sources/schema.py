"""Schema of a table of finished jobs: type, range, unit and meaning of each column."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

#: Name of a dataset, nine characters: instrument, program (3), observation set (2), observation (2), type.
IPST = re.compile(r"[ijlo][a-z0-9]{8}", re.IGNORECASE)

#: By first letter of a dataset, its instrument and the code among the features.
INSTRUMENTS = {"j": ("acs", 0), "l": ("cos", 1), "o": ("stis", 2), "i": ("wfc3", 3)}
INSTRUMENT_NAMES = tuple(name for name, _ in INSTRUMENTS.values())

#: Kinds of files that a calibration takes, by instrument: the product groups of the archive (MAST) that it needs.
INPUT_KINDS = {
    "acs": ("ASN", "RAW"),
    "wfc3": ("ASN", "RAW"),
    "cos": (
        "ASN", "RAW", "EPC", "RAWACCUM", "RAWACCUM_A", "RAWACCUM_B", "RAWACQ", "RAWTAG", "RAWTAG_A", "RAWTAG_B",
    ),
    "stis": ("ASN", "RAW", "EPC", "TAG", "WAV"),
}  # fmt: skip

#: Names of the memory bins, the machines of 2, 8, 16 and 64 GB.
BIN_NAMES = ("2g", "8g", "16g", "64g")

#: Memory in GB from which on a job needs the next machine: 7/8 of 2, 8 and 16; the rest is the system's.
BIN_EDGES_GB = (1.792, 7.168, 14.336)


@dataclass(frozen=True, kw_only=True)
class JobColumn:
    """Column of the table; numbers have a range, both ends included."""

    name: str
    #: `str`, `int` or `float`.
    type: type
    meaning: str
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf

    def read(self, text: str) -> str | int | float:
        """Return the value of a field; ValueError if it is empty, not a number or out of range.

        Parameters
        ----------
        text : str
            The field.

        Returns
        -------
        str | int | float
            The value, in the unit of the column.

        Raises
        ------
        ValueError
            If the field is invalid; the message says why.
        """
        text = text.strip()
        if not text:
            raise ValueError("is empty")
        if self.type is str:
            return text
        value = self._number(text)
        if not self.low <= value <= self.high:
            raise ValueError(f"{text} is outside {self.low:g} to {self.high:g}{self._unit_suffix()}")
        return value

    def _number(self, text: str) -> int | float:
        try:
            # Python reads 1_000 as a number; in a table it is a mistake.
            value = float(text.replace("_", "?"))
        except ValueError:
            raise ValueError(f"{text!r} is not a number") from None
        if self.type is int:
            if not value.is_integer():
                raise ValueError(f"{text} is not a whole number")
            return int(value)
        return value

    def _unit_suffix(self) -> str:
        return f" {self.unit}" if self.unit else ""


def _switch(name: str, meaning: str) -> JobColumn:
    return JobColumn(name=name, type=int, low=0, high=1, meaning=meaning)


#: The upper ends are far above all known jobs: a value beyond is impossible, not only unusual.
COLUMNS = (
    JobColumn(name="ipst", type=str, meaning="the dataset: instrument, program, observation set, observation, type"),
    JobColumn(name="n_files", type=int, low=1, high=100_000, meaning="number of input files"),
    JobColumn(name="total_mb", type=float, low=0, high=1e7, unit="MB", meaning="size of the input files together"),
    _switch("drizcorr", "1 if the images are drizzled"),
    _switch("pctecorr", "1 if charge transfer is corrected"),
    JobColumn(name="crsplit", type=int, low=0, high=16, meaning="cosmic-ray split: 0 unknown, 1 one exposure, 2 more"),
    _switch("subarray", "1 if a part of the detector was read"),
    _switch("detector", "1 for UVIS and WFC, 0 for the others"),
    _switch("dtype", "1 for an association, 0 for a single exposure"),
    JobColumn(name="instr", type=int, low=0, high=3, meaning="instrument: 0 acs, 1 cos, 2 stis, 3 wfc3"),
    JobColumn(name="memory", type=float, low=1e-6, high=4096, unit="GB", meaning="peak memory of the two steps, added"),
    JobColumn(
        name="wallclock", type=float, low=1e-6, high=1e7, unit="s", meaning="elapsed time of the two steps, added"
    ),
    JobColumn(name="mem_bin", type=int, low=0, high=3, meaning="the machine needed: 0 2g, 1 8g, 2 16g, 3 64g"),
)

NAMES = tuple(column.name for column in COLUMNS)

#: Columns that date the measurement, where a table has one: ISO text, or seconds since 1970 in `timestamp`.
DATE_NAMES = ("src_date", "timestamp")

#: The column that is 1 where a job was simulated; a table without it holds real jobs.
SIMULATED = "simulated"

#: The column in which a source says why a row cannot be used.
FAULT = "fault"


def bin_of(memory_gb: float) -> int:
    """Return the number of the smallest machine (0 to 3) that holds a job of so many GB.

    Parameters
    ----------
    memory_gb : float
        Memory in GB.

    Returns
    -------
    int
        0 to 3.
    """
    return sum(memory_gb >= edge for edge in BIN_EDGES_GB)


def contradictions(row: Mapping[str, str | int | float]) -> Iterator[tuple[str, str]]:
    """Yield contradictions between the fields of a row that are valid one by one.

    Parameters
    ----------
    row : Mapping[str, str | int | float]
        Values by column.

    Yields
    ------
    tuple[str, str]
        Column at fault, and the fault.
    """
    ipst = str(row["ipst"])
    if not IPST.fullmatch(ipst):
        yield "ipst", f"{ipst!r} is not the name of an ACS, COS, STIS or WFC3 dataset"
        return
    name, code = INSTRUMENTS[ipst[0].lower()]
    if row["instr"] != code:
        yield "instr", f"{row['instr']} disagrees with ipst {ipst} ({name}, {code})"
    if row["dtype"] != int(ipst[-1] == "0"):
        yield "dtype", f"{row['dtype']} disagrees with ipst {ipst} (an association ends in 0)"
    if row["mem_bin"] != bin_of(float(row["memory"])):
        yield "mem_bin", f"{row['mem_bin']} disagrees with memory {row['memory']} GB"
