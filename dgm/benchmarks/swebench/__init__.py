"""SWE-bench: issues of real repositories, judged by the official harness (package `swebench`, an optional extra).

records.py         one instance as a record describes it
datasets.py        where records come from: Hugging Face, or a local file
selection.py       which instances are meant: the paper's subsets, repositories, ids, difficulty
tasks.py           instances as tasks: what an agent is told and may change
benchmark.py       the benchmark port
prediction.py      the patch that is judged, made by the host
judge.py           one grading: the official verdict, and what is odd about it
harness.py         the harness in a process of its own, and what came of it
harness_process.py that process; the only place that imports `swebench` to judge
harness_client.py  the docker client that it is given there
kept.py            gradings as they were kept, read back
gold.py            what the gold patch's run showed: what other runs are compared with
flags.py           signs that a run's tests did not run as they should
canary.py          a test that must fail, to see whether failing is reported
extra.py           whether the extra is installed
"""
