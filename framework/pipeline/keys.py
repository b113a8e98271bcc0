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
            problem = _typed_key_error(problem, key, pipeline)
        yield problem


def _typed_key_error(problem: Problem, key: str, pipeline: Section) -> Problem:
    """Return the problem of an unknown key on the command line as an error, with the key that it may stand for."""
    others = (name for name in pipeline if name != key)
    return replace(problem, severity="error", hint=did_you_mean(key, others) or "nothing in the pipeline refers to it")


#: Keys of DESDM, which old files may hold.
DESDM_KEYS: Mapping[str, KeyDeclaration] = parse_declarations("""
pipeline | top | text | the pipeline's name
pipeprod | top | text | the product that holds the pipeline
pipever | top | text | the product's version
project | top | text | first part of the archive's paths
campaign | top | text | campaign that the processing belongs to
operator | top | text | person who is responsible
reqnum | top | integer | number of the request
unitname | top | text | tile, exposure, night or dataset
attnum | top | integer | number of the attempt; the registry assigns it
jira_id | top | text | ticket of the request
label | top | list | words to find the attempt by
basket | top | text | groups units in the archive's paths
group_submit_id | top | text | joins attempts that were submitted together
run | top | text | name of the run
ops_run_dir | top | text | directory of the run in the archive
submit_run_dir | top | text | directory of the run on the submit host
save_run_vals | top | names | keys whose values are recorded with the attempt
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
use_qcf | top | boolean | whether messages in logs are collected
use_db_in | top | boolean | whether the registry is asked
use_db_out | top | boolean | whether the registry is written
save_md5sum | top | boolean | whether checksums are recorded
create_junk_tarball | top | boolean | whether undeclared files are kept
verify_files | top | boolean | whether sizes are compared at the end
wrapper_debug | top | integer | how much detail wrappers report
when_to_email | top | mode run block never | when mail is sent
email | top | list | addresses for mail
epilogue | top | text | text that is printed at the end of the run
dry_run | top | boolean | plan everything, run nothing
use_home_archive_input | top | mode target_archive wrapper all never | when inputs are fetched from the home archive
use_home_archive_output | top | mode wrapper job block run never | when outputs go to the home archive
use_target_archive_input | top | mode job never | when inputs are fetched from the target archive
use_target_archive_output | top | mode wrapper job never | when outputs go to the target archive
master_savefiles | top | mode always failure file never rand_\\d\\d | which outputs are kept
master_compression | top | mode never file success | which outputs are compressed
master_use_fwthreads | top | boolean | whether calls of a job run at the same time
compression_exec | top | text | program that compresses
compression_args | top | text | arguments of the compression program
compression_suffix | top | text | ending of compressed files
compression_cleanup | top | boolean | whether the uncompressed file is removed
tmpfile_prefix | top | text | start of temporary names
fw_nmaxthread | top | integer | most calls of a job at a time
max_calls | top | integer | most calls of a module; a larger module is refused
max_wrappers_per_job | top block | integer | most calls of a job
request_memory | top block module | text | memory for a job: a number, an expression, or learned
request_disk | top block module | text | disk for a job
request_cpus | top block module | text | processors for a job
request_gpus | top block module | text | graphics processors for a job
max_walltime | top block module | text | longest time of a job
jobwalltime | top | text | longest time of a job, minutes
concurrency_limits | top block module | list | concurrency limits of the pool that jobs count against
max_running | top block module | integer | most jobs of a module at a time
partition | top block module | text | the site's queue that a job is sent to
account | top block module | text | account that the site charges for a job
environment | top block module | text | software of programs: a name of environment_def, or none
container | top block module | text | container of programs: a name of container_def, or none
container_runtime | top | text | apptainer, singularity, podman or docker
glidein_use_wall | top | boolean | whether slots must live long enough
glidein_name | top | text | name of the slots
nodeset | top | text | set of machines
condorjobreq | top | text | further requirements of a job
condorjobclass | top | text | priority class
filetype_metadata | top | text | metadata that are recorded of files, by filetype
metadata | top | names | metadata keys that are recorded of each file
optional_metadata | top | names | metadata keys that are recorded of files that have them
http | top | text | address of the home archive
rundir | file list | text | directory in the job
modulelist | block | list | modules, in order
plan | block | mode early late | when the block is planned: with the run, or when the blocks before it have ended
divide_jobs_by | block | names | one job for each value
wrappername | module | text | the wrapper
wrapperloop | module | names | one call for each combination of values
loopobj | module | names | list or file whose lines give the combinations
modnamepat | top module | text | pattern of the names of a call's logs
max_fwthreads | module | integer | most calls of the module at a time
noop | module | boolean | only ask and list; make no call
req_vals | module | names | further values for the wrapper
list_order | module | list | order of the module's lists
execname | exec | text | path or name of the program
execnum | exec | integer | number of the program in the call
cmd_hyphen | exec | mode allsingle alldouble mixed_gnu | how options are written
cmdline | exec | text | arguments
used | exec | names | inputs, for provenance
was_generated_by | exec | names | outputs, for provenance
ancestry | exec | names | parent:child pairs, for provenance
was_derived_from | exec | names | parents of a file, as wrappers see it
version_flag | exec | text | option that prints the version
version_pattern | exec | text | regular expression that finds the version in the output
exec | file list | text | program that asks for the lines
args | file list | text | arguments of that program
query | file list | text | name of a query that gives the lines
query_table | file list | text | table of the query
query_fields | file list | names | keys that are conditions of the query
output_fields | file list | names | further columns
join | file list | names | pairs of equal fields, by which tables are joined
qouttype | file list | mode wcl json xml | form of the answer
qoutfile | file list | text | file that the answer is written to
depends | file list | names | object of an earlier module whose files these are
depends-newname | file list | names | object of an earlier module whose files stand behind these, under new names
divide_by | file list | names | keys that make sublists
match | file list | names | keys that choose a sublist
loopkey | file list | names | keys that make sublists
columns | file list | names | columns of a list file
format | list | mode textsp textcsv texttab wcl | form of a list file
sortkey | list | names | order of the lines: key, numeric, reverse
allow_missing | file list | boolean | leave out lines whose file is missing
div_list_by_col | list | text | sections of several list files from the same lines
filetype | file list | text | filetype: one of filetype_metadata
filename | file list | text | name of the file
filepat | file list | text | name of the pattern of the file's name
fullname | file list | text | path outside the archives
archivepath | file list | text | path in the archive
flabel | file list | text | label for the pattern
fsuffix | file list | text | ending of the name
dirpat | file list | text | name of the pattern of the directory
ops_enddir | file list | text | last part of the directory in the archive
job_enddir | file list | text | last part of the directory in the job
job_outtype | file list | text | the program's own word for the output
rename_file | file list | text | fixed name in the job that a program needs
listonly | file | boolean | member of a list only, not passed itself
savefiles | file | boolean | whether the file is kept in the archive
compress_files | file | boolean | whether the file is compressed in the archive
compressfiles | file | text | old spelling of compress_files, without effect
optional | file | boolean | may be missing
wildcards | file | names | variables of the name whose values only the program knows: it makes any number of such files
allow_empty | file list | boolean | whether no file at all is allowed
stagefiles | file | boolean | whether the file is staged to the site before the job
ignore_multiple_error | file | boolean | whether a call may get several files
volatile | file | boolean | differs from run to run, such as a log
volatile_keys | file | names | header cards, columns and JSON keys that differ from run to run
tolerance | file | text | largest difference of numbers when a call is repeated: relative, or relative, absolute
runtime | directory_pattern container_def | text | directory in the job; program that runs a container
ops | directory_pattern | text | directory in the archive
name | directory_pattern archive site file list | text | its own name
batchtype | site | text | kind of slots
gridtype | site | text | kind of engine that jobs are sent to
gridhost | site | text | host that jobs are sent to
loginhost | site | text | host to log in to
jobroot | site | text | where jobs run
setupeups | site | text | script that sets up the software
dynslots | site | boolean | whether slots are partitionable
gpus | site | integer | graphics processors that jobs may use at a time
setup | environment_def | text | a script that bash reads before the programs, and its arguments
module_load | environment_def | list | environment modules, as for module load
module_init | environment_def | text | script that defines the command module
conda | environment_def | text | directory of a conda environment
venv | environment_def | text | directory of a virtual environment
image | container_def | text | image file, or address of an image in a registry
bind | container_def | list | directories that the programs see besides: path, path:inside, path:inside:rw
options | container_def | text | further arguments of the runtime
max_setuptime | environment_def container_def | text | longest time to make the software ready, minutes
root | archive | text | root directory
root_http | archive | text | HTTP address
filemgmt | archive | text | class that catalogues the files
fileutils | archive | text | class that reads and writes the files
site | archive | text | site of the archive
mvmtclass | archive | text | class that moves files
""")
#: All keys: those of DESDM, and those that this framework adds or reads otherwise.
KEYS: Mapping[str, KeyDeclaration] = {
    **DESDM_KEYS,
    **parse_declarations("""
qouttype | file list | mode wcl json csv | form of the answer
fw_home | top | text | directory of registry, archive and runs
max_retries | top block module | integer | how often a failed call is retried
memory_statuses | top block module | text | exit statuses of programs that ran out of memory
shared_filesystem | site | boolean | whether jobs see the submit host's files at the same paths
python | site | text | Python that runs the jobs
metadata_type | top | text | metadata that are numbers or booleans
file_groups | top | names | metadata by which the files of all types are asked for together
machine_requirements | site | text | requirements of a machine, as an expression of the pool
hold_over_memory | site | boolean | whether a job over its requested memory is held, and released with more
input_archives | top | list | further archives that inputs may come from, in this order
stage | archive | text | command that stages files before they are read, such as from tape
connections | archive | integer | files that are copied at a time
max_transfers | top site | integer | most files that a machine's jobs fetch from one server at a time
infrastructure_retries | site | integer | how often a job is retried after a failure that is not of its programs
"""),
}
