"""Keys of a pipeline's sections: their declarations, and checks of the keys and values of a pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from framework.pipeline.comparison_rules import check_comparison_rules
from framework.pipeline.problems import error_at
from framework.pipeline.section_values import read_names
from wcl import (
    SET_POSITION,
    KeyDeclaration,
    Problem,
    Section,
    check_keys,
    check_values,
    did_you_mean,
    parse_declarations,
)


def known_keys(pipeline: Section) -> Mapping[str, KeyDeclaration]:
    """Return all keys that a pipeline may use: those of the framework, and those declared in its ``known_keys``.

    A declaration is ``key = kinds of sections | kind of value | meaning``, as in the table below.
    """
    declared = dict(KEYS)
    for _, section in pipeline.section("filetype_metadata").sections():
        for name in (*read_names(section, "metadata"), *read_names(section, "optional_metadata")):
            declared.setdefault(name.lower(), KeyDeclaration(("file", "top"), "text", "recorded with some files"))
    for key, value in pipeline.section("known_keys").items():
        position = pipeline.section("known_keys").position(key)
        try:
            declared |= parse_declarations(f"{key} | {value}")
        except (ValueError, IndexError):
            hint = f"{key} = module file | text | what it means"
            raise error_at(position, f"'{key}' is not declared as a key is", hint) from None
    return declared


def check_pipeline(pipeline: Section) -> Iterator[Problem]:
    """Find values that a key cannot have, and unknown keys; an unknown one on the command line is always an error."""
    known = known_keys(pipeline)
    yield from check_values(pipeline, known)
    yield from check_comparison_rules(pipeline)
    typed = [key for key in pipeline if pipeline.position(key) == SET_POSITION]
    for problem in check_keys(pipeline, known):
        key = next((key for key in typed if problem.message.endswith(f"'{key}'")), None)
        if problem.position == SET_POSITION and key is not None:
            others = (name for name in pipeline if name != key)
            hint = did_you_mean(key, others) or "nothing in the pipeline refers to it"
            problem = replace(problem, severity="error", hint=hint)
        yield problem


#: Keys of DESDM, which old files may hold.
DESDM_KEYS: Mapping[str, KeyDeclaration] = parse_declarations("""
pipeline | top | text | the pipeline's name
pipeprod | top | text | the product that holds the pipeline
pipever | top | text | the product's version
project | top | text | first part of the archive's paths
campaign | top | text | what the processing belongs to
operator | top | text | who is responsible
reqnum | top | integer | number of the request
unitname | top | text | tile, exposure, night or dataset
attnum | top | integer | number of the try; given by the registry
jira_id | top | text | ticket of the request
label | top | list | words to find the attempt by
basket | top | text | groups units in the archive's paths
group_submit_id | top | text | joins attempts that were submitted together
run | top | text | name of the run
ops_run_dir | top | text | where in the archive the run is kept
submit_run_dir | top | text | where the submit side writes
save_run_vals | top | names | values to keep with the attempt
blocklist | top | list | blocks, in order
block_order | top | mode serial dataflow | whether blocks follow each other or their files
target_site | top | text | site that the jobs run at
site_name | top | text | the site's own name
home_archive | top site | text | archive that keeps files for good
target_archive | top site | text | archive at the site
submit_des_services | top | text | file with the registry's credentials
submit_des_db_section | top | text | the registry's section in that file
target_des_services | top site | text | the same file at the site
target_des_db_section | top site | text | the section in it
des_services | top | text | file with credentials
des_db_section | top | text | section in it
use_qcf | top | boolean | whether messages in logs are gathered
use_db_in | top | boolean | whether the registry is asked
use_db_out | top | boolean | whether the registry is written
save_md5sum | top | boolean | whether checksums are recorded
create_junk_tarball | top | boolean | whether undeclared files are kept
verify_files | top | boolean | whether sizes are compared at the end
wrapper_debug | top | integer | how much wrappers tell
when_to_email | top | mode run block never | when mail is sent
email | top | list | to whom
epilogue | top | text | what is said when the run is done
dry_run | top | boolean | plan everything, run nothing
use_home_archive_input | top | mode target_archive wrapper all never | when inputs are fetched from the home archive
use_home_archive_output | top | mode wrapper job block run never | when outputs go to the home archive
use_target_archive_input | top | mode job never | when inputs are fetched from the target archive
use_target_archive_output | top | mode wrapper job never | when outputs go to the target archive
master_savefiles | top | mode always failure file never rand_\\d\\d | which outputs are kept
master_compression | top | mode never file success | which outputs are compressed
master_use_fwthreads | top | boolean | whether calls of a job run beside each other
compression_exec | top | text | program that compresses
compression_args | top | text | its arguments
compression_suffix | top | text | what it puts after the name
compression_cleanup | top | boolean | whether the uncompressed file is removed
tmpfile_prefix | top | text | start of temporary names
fw_nmaxthread | top | integer | most calls of a job at a time
max_calls | top | integer | a larger plan is refused
max_wrappers_per_job | top block | integer | a job holds no more calls
request_memory | top block module | text | memory for a job: a number, an expression, or learned
request_disk | top block module | text | disk for a job
request_cpus | top block module | text | processors for a job
request_gpus | top block module | text | graphics processors for a job
max_walltime | top block module | text | longest time of a job
jobwalltime | top | text | longest time of a job, minutes
concurrency_limits | top block module | list | named throttles
max_running | top block module | integer | most jobs of a module at a time
partition | top block module | text | the site's queue that a job is sent to
account | top block module | text | whom the site charges for a job
environment | top block module | text | how programs find their software: a name of environment_def, or none
container | top block module | text | what programs run in: a name of container_def, or none
container_runtime | top | text | apptainer, singularity, podman or docker
glidein_use_wall | top | boolean | whether slots must live long enough
glidein_name | top | text | which slots
nodeset | top | text | which machines
condorjobreq | top | text | further requirements of a job
condorjobclass | top | text | priority class
filetype_metadata | top | text | what is gathered from files
metadata | top | names | what is gathered from files
optional_metadata | top | names | what is gathered from files that have it
http | top | text | address of the home archive
rundir | file list | text | folder in the job
modulelist | block | list | modules, in order
plan | block | mode early late | when the block is planned: with the run, or when the blocks before it have ended
divide_jobs_by | block | names | one job for each value
wrappername | module | text | the wrapper
wrapperloop | module | names | one call for each combination of values
loopobj | module | names | list or file whose lines give the combinations
modnamepat | top module | text | name of a call's own files
max_fwthreads | module | integer | most calls of the module at a time
noop | module | boolean | ask and list, make no call
req_vals | module | names | further values for the wrapper
list_order | module | list | order of the module's lists
execname | exec | text | the program
execnum | exec | integer | which program of the call
cmd_hyphen | exec | mode allsingle alldouble mixed_gnu | how options are written
cmdline | exec | text | arguments
used | exec | names | inputs, for provenance
was_generated_by | exec | names | outputs, for provenance
ancestry | exec | names | parent:child pairs, for provenance
was_derived_from | exec | names | the same, as wrappers see it
version_flag | exec | text | option that prints the version
version_pattern | exec | text | where the version stands in what is printed
exec | file list | text | program that asks for the lines
args | file list | text | its arguments
query | file list | text | question that gives the lines
query_table | file list | text | table that is asked
query_fields | file list | names | keys that are conditions
output_fields | file list | names | further columns
join | file list | names | how tables belong together
qouttype | file list | mode wcl json xml | form of the answer
qoutfile | file list | text | where the answer is written
depends | file list | names | lines of an earlier module
depends-newname | file list | names | the same lines with names of its own
divide_by | file list | names | keys that make sublists
match | file list | names | keys that choose a sublist
loopkey | file list | names | keys that make sublists
columns | file list | names | what a list file's lines hold
format | list | mode textsp textcsv texttab wcl | form of a list file
sortkey | list | names | order of the lines: key, numeric, reverse
allow_missing | file list | boolean | leave out lines whose file is missing
div_list_by_col | list | text | several list files from the same lines
filetype | file list | text | what is gathered from the file
filename | file list | text | its name
filepat | file list | text | pattern of its name
fullname | file list | text | its path in the job
archivepath | file list | text | its path in the archive
flabel | file list | text | a word for the pattern
fsuffix | file list | text | the name's end
dirpat | file list | text | pattern of its folder
ops_enddir | file list | text | last part of the folder in the archive
job_enddir | file list | text | last part of the folder in the job
job_outtype | file list | text | the program's own word for the output
rename_file | file list | text | fixed name that a program wants
listonly | file | boolean | member of a list only, not passed itself
savefiles | file | boolean | whether it is kept
compress_files | file | boolean | whether it is compressed
compressfiles | file | text | an old spelling of compress_files, never heeded
optional | file | boolean | may be missing
wildcards | file | names | parts of the name that only the program knows: it makes any number of such files
allow_empty | file list | boolean | nothing at all may be found
stagefiles | file | boolean | brought to the site before the job
ignore_multiple_error | file | boolean | several lines are allowed
volatile | file | boolean | differs from run to run, such as a log
volatile_keys | file | names | header cards, columns and JSON keys that differ from run to run
tolerance | file | text | how far numbers may be apart when a call is repeated: relative, or relative, absolute
runtime | directory_pattern container_def | text | folder in the job; what runs a container
ops | directory_pattern | text | folder in the archive
name | directory_pattern archive site file list | text | its own name
batchtype | site | text | kind of slots
gridtype | site | text | how jobs are sent
gridhost | site | text | where they are sent
loginhost | site | text | host to log in to
jobroot | site | text | where jobs run
setupeups | site | text | how the software is found
dynslots | site | boolean | whether slots are made to measure
gpus | site | integer | graphics processors that jobs may use at a time
setup | environment_def | text | a script that bash reads before the programs, and its arguments
module_load | environment_def | list | environment modules, as module load is given them
module_init | environment_def | text | script that makes the command module known
conda | environment_def | text | directory of a conda environment
venv | environment_def | text | directory of a virtual environment
image | container_def | text | image file, or where a registry has it
bind | container_def | list | further places the programs see: place, place:inside, place:inside:rw
options | container_def | text | further words for the runtime
max_setuptime | environment_def container_def | text | longest time that making it ready may take, minutes
root | archive | text | its folder
root_http | archive | text | its address
filemgmt | archive | text | how it is catalogued
fileutils | archive | text | how it is read and written
site | archive | text | where it is
mvmtclass | archive | text | how files move
""")
#: All keys: those of DESDM, and those that this framework adds or reads otherwise.
KEYS: Mapping[str, KeyDeclaration] = {
    **DESDM_KEYS,
    **parse_declarations("""
qouttype | file list | mode wcl json csv | form of the answer
fw_home | top | text | where registry, archive and runs are kept
max_retries | top block module | integer | how often a failed call is tried again
memory_statuses | top block module | text | exit statuses of programs that had too little memory
shared_filesystem | site | boolean | whether jobs see the submitting side's files at the same paths
python | site | text | the Python that jobs are run by
metadata_type | top | text | which metadata are numbers or truth values
file_groups | top | names | metadata by which the files of all types are asked for together
machine_requirements | site | text | what a machine must have, as the pool's own expression
hold_over_memory | site | boolean | whether a job that takes more memory than it asked for is stopped and asks for more
input_archives | top | list | further archives that inputs may come from, in this order
stage | archive | text | command that brings files within reach before they are read, such as from tape
connections | archive | integer | how many files are copied from or to it at a time
max_transfers | top site | integer | most files that a machine's jobs fetch from one server at a time
infrastructure_retries | site | integer | how often a job is run again when not its programs but its surroundings failed
"""),
}
