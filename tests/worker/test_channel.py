import socket

import pytest

from hone.worker.channel import LONGEST_LINE, Channel
from hone.worker.messages import GarbledMessage, Kill, Report, encode


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    yield Channel(ours), theirs
    ours.close()
    theirs.close()


def test_messages_that_arrive_in_pieces_are_put_together(pair):
    channel, theirs = pair
    line = encode(Report(7, {"val/loss": 0.5}))

    theirs.sendall(line[:9])
    assert channel.receive_ready() == []
    theirs.sendall(line[9:] + encode(Kill(1))[:4])
    assert channel.receive_ready() == [Report(7, {"val/loss": 0.5})]
    theirs.sendall(encode(Kill(1))[4:])
    assert channel.receive() == Kill(1)


def test_several_messages_in_one_piece_are_told_apart(pair):
    channel, theirs = pair

    theirs.sendall(encode(Kill(1)) + encode(Kill(2)) + encode(Kill(3)))

    assert channel.receive() == Kill(1)
    assert channel.receive() == Kill(2)
    assert channel.receive() == Kill(3)


def test_the_end_of_the_other_side_is_said_by_eof(pair):
    channel, theirs = pair
    theirs.close()

    with pytest.raises(EOFError):
        channel.receive()


def test_a_line_without_end_is_refused_before_it_fills_memory(pair):
    channel, _ = pair
    channel._pending = b"x" * LONGEST_LINE
    pair[1].sendall(b"xx")

    with pytest.raises(GarbledMessage, match="a line of over"):
        channel.receive_ready()
