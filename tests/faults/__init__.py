"""Everything that can go wrong does, under load, and what is promised holds all the same.

    python -m tests.faults                        every fault with five new seeds, two to three hours
    python -m tests.faults --seed 7               every fault with this seed: what a run prints can be repeated
    python -m tests.faults --only nats-killed     one fault; may be repeated
    python -m tests.faults --list                 what there is

A run is a fault under a load of some 2,000 tasks of mixed kinds and of schedules that fire every few seconds, with clients that
follow streams and others that read. All that is asked and answered, seen and done goes into a journal (`out/<fault>-<seed>.jsonl`). When everything has come to rest,
the log is projected anew into another database, and the checker looks at the journal, the log and the tables. The load and
the fault follow from the seed; in which order processes get to run does not, so a run that failed may need a few tries.

Read `run_setup.run_fault` first, then `faults` and `checker`. A fault that needs a feature which the product does not have is
skipped (`features`), and the table says so. `test_selection.py` is a short selection, `test_checker.py` shows that the checker finds what it is to find.
The other tests here are of single faults, step by step.
"""
