"""What a bridge says to a controller that does not listen."""

import multiprocessing

from hone.executors.ray.wire import Note, Speaker


def test_a_controller_that_does_not_listen_holds_nobody_up_and_misses_nothing():
    ours, theirs = multiprocessing.Pipe()
    speaker = Speaker(theirs)

    # Many times what a pipe holds; by a blocking send this never ends.
    for number in range(20_000):
        speaker.say(Note(f"{number}: {'x' * 100}"))

    heard = [int(ours.recv().text.partition(":")[0]) for _ in range(20_000)]
    assert heard == list(range(20_000))
    speaker.finish(5)


def test_what_was_said_last_is_sent_before_the_end_and_a_controller_that_is_gone_ends_it():
    ours, theirs = multiprocessing.Pipe()
    speaker = Speaker(theirs)
    speaker.say(Note("last"))
    speaker.finish(5)
    assert ours.recv() == Note("last")

    ours.close()
    gone = Speaker(theirs)
    gone.say(Note("to nobody"))
    gone.finish(5)
