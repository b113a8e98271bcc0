"""The journal: facts about a run, appended by whoever saw them, and the only source of the registry's rows.

A run's directory holds ``journal/<name>.jsonl``, each file written by one process only and never reopened for
writing. A line is one fact, a JSON object with ``e`` (what happened) and ``t`` (seconds since 1970, UTC). A line
counts once its newline is there; a torn last line is what a killed process leaves, and is passed over. Reading a
line twice, or the same facts from two files, changes nothing in the registry.

Facts, with the keys they hold besides ``e`` and ``t``:

==============  =================================================================================================
open            format (1), run, attempt (registry id), start (0 at submission, then one more at each restart),
                host, pid, journal (own name). Always the first line.
attempt.start   (engine) the run, or its restart, begins
block.start     (engine) block (number)
job.queue       (engine) job, queue (what the queue calls this execution of the job, unique in the run), block
job.lost        (engine) job, queue, reason: the execution ended without a word; whatever it left open is closed
                with status 9
block.end       (engine) block, status
attempt.end     (engine) status
job.start       job, queue, block, keys, calls (how many this job is planned to make), root (its directory)
call.start      job, queue, call (wrapnum), try (1, 2, ...), module, wrapper, keys, log (archive path), plan (name
                of the shard that defines it)
call.run        job, queue, call, try: inputs are in place, programs begin
exec.start      job, queue, call, try, exec (number), program, args (the command line, quoted for a shell), version
exec.end        job, queue, call, try, exec, status (exit code, or 128 + signal; 124 when its time was up),
                usage {wall, utime, stime: seconds; maxrss: kB; minflt, majflt, inblock, oublock, nvcsw, nivcsw}
call.store      job, queue, call, try: programs have ended, outputs are being checked and stored
call.end        job, queue, call, try, status, files, used, made, derived, messages (as below), disk (bytes)
message         level (1 error, 2 warning, 3 information), text, and job, queue, call, try where it has them
job.end         job, queue, status, disk (bytes)
==============  =================================================================================================

``call.end`` holds

* ``files``: objects with path (in the archive: directory and name, ``/`` between), type (filetype), size (bytes),
  sha256, archive (name of the archive that holds it now; absent when the file was not kept; ``external`` for a
  file that lies outside every archive, whose path is then absolute), meta (metadata keys to values). The log is one
  of them.
* ``used``: pairs [exec, path]; ``made``: pairs [exec, path] (exec 0 stands for the call itself, as for its log);
  ``derived``: pairs [child path, parent path]. A path in ``used`` may belong to a file of another call or run.
* ``messages``: objects with level, text, exec (0 if none), and optionally file, line.

A call with status other than 0 lists only its log and the outside files it read.
"""
