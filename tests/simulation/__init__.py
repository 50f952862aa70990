"""A deterministic simulation of the delivery logic: the real worker against a simulated broker and store.

The fold, flush, commit, read-back, fences and duplicates are the code that runs in production. Every call of a worker
to store, topic and group waits until the schedule answers it, lets it go wrong, or lets its worker die; every late
effect lands when the schedule says so; time passes only when the schedule says so. So one seed is one story.

Within the model: deaths before, between and after any two steps of a flush; lost acknowledgements; inserts that fail
and land later, also after another worker took over; parts of inserts; inserts done twice; answers that come late;
zombies that go on reading and writing; refused commits; progress read from a replica that lags; duplicates, late and
refused events; a group set to the beginning; a topic made again; a backup restored (progress copied first, then the
tables, then the group rewound); the head of the log cut.

Outside of it, as the guarantee assumes them: a read of rows sees every acknowledged insert (quorum and sequential
consistency, or one server); old workers are stopped before a topic's epoch is raised, and the old log was stored to its
end; retention keeps what any running worker, and the duplicates window of the start, still need.
"""
