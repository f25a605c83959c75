"""The socket that takes commands: one framed request, one framed reply, the end. Who may connect is a matter of the file's permissions.

What arrives is checked by its type before anybody acts on it, and whatever is wrong with it becomes a reply. The requests and replies are
`ntp_proto.control`; the protocol is described in docs/protocol-sockets.md.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

from ntp_daemon.unix_listener import UnixListener, open_listener
from ntp_proto.control import FRAME_PREFIX_BYTES, MAXIMUM_REQUEST_BYTES, Reply, Request, decode_request, encode, frame, frame_length
from ntp_proto.errors import NtpError

__all__ = ["MAXIMUM_CONNECTIONS", "ControlSocket", "Handler"]

MAXIMUM_CONNECTIONS = 8
_PATIENCE_S = 1.0

Handler = Callable[[Request], Awaitable[Reply]]
"""Does what is asked for. An `NtpError` that it raises is told to the client; anything else is a bug."""


class ControlSocket:
    """Takes commands on a Unix socket. Made by `open`.

    Args:
        listener: The socket.
        handle: Does what is asked for.
    """

    def __init__(self, listener: UnixListener, handle: Handler) -> None:
        self._listener = listener
        self._handle = handle
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @classmethod
    async def open(cls, path: Path, permissions: int, handle: Handler) -> ControlSocket:
        """Listen.

        Args:
            path: Of the socket.
            permissions: Of its file; who may write may command.
            handle: Does what is asked for.

        Raises:
            LocalSocketError: it cannot be opened, or is in use.
        """
        socket = cls(open_listener(path, permissions), handle)
        socket._server = await asyncio.start_unix_server(socket._serve, sock=socket._listener.socket, limit=MAXIMUM_REQUEST_BYTES)
        return socket

    def close(self) -> None:
        """End every conversation but the one that this is called from, and remove the socket.

        A reload that moves the socket closes it while its own reply is still to be sent.
        """
        self._is_closed = True  # for those whom the kernel has accepted already
        if self._server is not None:
            self._server.close()
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()
        self._listener.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "asyncio serves each connection in a task"
        self._tasks.add(task)
        try:
            if self._is_closed:
                return
            reply = await self._answer(reader) if len(self._tasks) <= MAXIMUM_CONNECTIONS else _refused("too many connections at a time")
            writer.write(frame(encode(reply)))
            async with asyncio.timeout(_PATIENCE_S):
                await writer.drain()
        except (OSError, asyncio.CancelledError):
            # The client is gone, or does not read (TimeoutError), or `close` ends this conversation. A task that ends as cancelled would
            # make the streams of Python 3.11 log a traceback; nobody waits for this one, so nobody has to learn of it.
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()
            # How the connection ended is to be taken note of, or the streams log a traceback for a client that went away. The end of the
            # loop may cancel that too.
            with contextlib.suppress(OSError, asyncio.CancelledError):
                async with asyncio.timeout(_PATIENCE_S):
                    await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader) -> Reply:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                length = frame_length(await reader.readexactly(FRAME_PREFIX_BYTES), MAXIMUM_REQUEST_BYTES)
                data = await reader.readexactly(length)
            request = decode_request(data)
        except TimeoutError:
            return _refused(f"no complete request within {_PATIENCE_S:g} s")
        except asyncio.IncompleteReadError as error:
            return _refused(f"the request ended after {len(error.partial)} of {error.expected} bytes")
        except ValueError as error:
            return _refused(str(error))
        try:
            return await self._handle(request)
        except NtpError as error:
            return _refused(str(error))


def _refused(message: str) -> Reply:
    return Reply(accepted=False, message=message)
