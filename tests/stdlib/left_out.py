"""CPython's tests that ungil's executors are not held to, each with the reason.

A key is `Class.test` for one test, or `Mixin.test` for the test in every class that inherits it
from that mixin. The suite runs these too, and wants each of them to fail somewhere: one that
passes everywhere, or that CPython no longer has, is a stale entry and fails the run.
"""

MANAGER = "waits for the standard library's private manager thread and call queue"

# In every version's tests.
LEFT_OUT = {
    "ExecutorDeadlockTest.test_shutdown_deadlock_pickle": MANAGER,
    "ProcessPoolShutdownTest.test_del_shutdown": MANAGER,
    "ProcessPoolShutdownTest.test_shutdown_no_wait": MANAGER,
    "ProcessPoolForkProcessPoolShutdownTest.test_processes_terminate": (
        "counts the private _processes: with fork the standard library starts all of them at "
        "once, ungil one for each task"
    ),
    "ProcessPoolExecutorTest.test_saturation": (
        "counts the private _processes, though no task is sent: the method of a semaphore does "
        "not pickle, and ungil starts no worker for it"
    ),
    "ProcessPoolExecutorTest.test_max_tasks_per_child_defaults_to_spawn_context": (
        "reads the private _mp_context: ungil's default is forkserver, whose processes are as "
        "fresh and start in a fraction of the time"
    ),
}

# Only in the tests of 3.13, which 3.12 runs too.
LEFT_OUT_OF_3_13 = {
    "ProcessPoolExecutorTest.test_python_finalization_error": (
        "replaces the private threading._start_joinable_thread to make a queue's thread fail; "
        "ungil's threads are not Python's"
    ),
}

# What 3.13's tests use of 3.13's own standard library, when 3.12 runs them.
LEFT_OUT_ON_3_12 = {
    "ThreadPoolExecutorTest.test_default_workers": "calls os.process_cpu_count, new in 3.13",
    "FailingInitializerResourcesTest.test_spawn": (
        "reads the resource tracker's private _exitcode, which 3.12's does not have"
    ),
    "FailingInitializerResourcesTest.test_forkserver": (
        "reads the resource tracker's private _exitcode, which 3.12's does not have"
    ),
}
