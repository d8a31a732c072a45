"""A socket that carries messages."""

from __future__ import annotations

import socket

from hone.worker.messages import GarbledMessage, Message, decode, encode

CHUNK = 65_536
LONGEST_LINE = 8 * 1024 * 1024


class Channel:
    """One end of a stream socket that carries messages, a line each.

    It can be given to ``multiprocessing.connection.wait``. It is not thread-safe.

    Args:
        stream: A connected stream socket, which the channel then owns.
    """

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self._pending = b""

    def fileno(self) -> int:
        """The socket's file descriptor."""
        return self.stream.fileno()

    def send(self, message: Message) -> None:
        """Send one message.

        Raises:
            OSError: The other side is gone.
        """
        self.stream.sendall(encode(message))

    def receive(self) -> Message:
        """Wait for one message.

        Raises:
            EOFError: The other side is gone.
            GarbledMessage: What came is no message.
        """
        while b"\n" not in self._pending:
            self._read()
        line, _, self._pending = self._pending.partition(b"\n")
        return decode(line)

    def receive_ready(self) -> list[Message]:
        """Take every whole message that has come, reading from the socket once.

        Raises:
            EOFError: The other side is gone and nothing whole is left.
            GarbledMessage: What came is no message.
        """
        self._read()
        *lines, self._pending = self._pending.split(b"\n")
        return [decode(line) for line in lines]

    def close(self) -> None:
        """Close the socket."""
        self.stream.close()

    def _read(self) -> None:
        try:
            chunk = self.stream.recv(CHUNK)
        except ConnectionResetError:
            chunk = b""
        if not chunk:
            raise EOFError
        self._pending += chunk
        if len(self._pending) > LONGEST_LINE:
            raise GarbledMessage(f"a line of over {LONGEST_LINE} bytes")
