"""What can be asked on a session's socket: one chat completion after the other, and which model there is."""

import asyncio
import threading
from contextlib import suppress

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.config import Config

from dgm.core.errors import InfrastructureError
from dgm.gateway.replies import Reply, error_reply, models_reply
from dgm.gateway.server import Door

_OK = 200


def server_config() -> Config:
    """Return uvicorn's configuration; all sessions share it, since a request's state names its `Door`."""
    app = Starlette(
        routes=[
            Route("/v1/chat/completions", _chat, methods=["POST"]),
            Route("/v1/models", _models, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _not_here, Exception: _broken},
    )
    app.router.redirect_slashes = False
    config = Config(
        app,
        interface="asgi3",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
    )
    config.load()
    return config


async def _chat(request: Request) -> Response:
    door: Door = request.state.door
    try:
        body = await request.body()
    except ClientDisconnect:
        return Response(status_code=400)  # nobody reads it
    return _counted(await _answer_in_own_thread(door, body), door)


async def _models(request: Request) -> Response:
    door: Door = request.state.door
    door.refused += 1  # it is free and costs us as much as a refusal: nobody asks for it a thousand times
    return _response(models_reply(door.model))


async def _not_here(request: Request, error: Exception) -> Response:
    door: Door = request.state.door
    status = error.status_code if isinstance(error, HTTPException) else 404
    message = "There is no such method here." if status == 405 else "There is no such path here."  # noqa: PLR2004
    return _counted(error_reply(status, message), door)


async def _broken(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return _response(error_reply(500, "The gateway has a fault."))


async def _answer_in_own_thread(door: Door, body: bytes) -> Reply:
    """Return the door's answer, or what the door says when it closes before.

    A thread per call: no session waits for another's slow model, and threads that outlive their session are daemons, so
    that they do not hold up the end of the process as a pool's would.
    """
    loop = asyncio.get_running_loop()
    reply: asyncio.Future[Reply] = loop.create_future()

    def answer() -> None:
        result = door.answer(body)
        with suppress(RuntimeError):  # the loop is gone, and with it whoever waited
            loop.call_soon_threadsafe(_resolve, reply, result)

    try:
        threading.Thread(target=answer, name="dgm-call", daemon=True).start()
    except RuntimeError as error:
        door.fail(InfrastructureError(f"The host could not start a thread for a model's call: {error}."))
        return error_reply(502, "The gateway has a fault.")
    door.pending.add(reply)
    try:
        return await reply
    finally:
        door.pending.discard(reply)


def _resolve(future: "asyncio.Future[Reply]", reply: Reply) -> None:
    if not future.done():
        future.set_result(reply)


def _counted(reply: Reply, door: Door) -> Response:
    if reply.status != _OK:
        door.refused += 1
    return _response(reply)


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, media_type="application/json")
