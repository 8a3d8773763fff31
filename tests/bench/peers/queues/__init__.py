"""What a user would pick instead to run tasks: a web framework, a queue on Redis, and a worker.

Each is written as its documentation has it, in a few lines of its own: a POST with a JSON body is checked and becomes a job, the
answer is 202 with the job's id, and a worker runs a handler that reads the clock. Its result is stored. There is one process of
the application and one worker, as Headrace has one of each, and Redis appends what it is told to a file that is flushed every
second, as the log of Headrace is.

None of them does what else Headrace does for a task: authenticate who submits, keep the task's events for those who follow,
project them into a database, or refuse a task that is there already.
"""
