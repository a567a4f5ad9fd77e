"""A mail server for tests that takes, refuses or drops letters as told."""

import asyncio

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP


class Script:
    """What the server does with each letter: `accept`, `refuse`, `refuse recipient`, `not now`, `recipient not now`, `drop after data`,
    `hang at sender`, `hang at recipient`, `drop at recipient`, `hang after data`, `one per connection`, `too busy`, `unknown sender`.
    """

    def __init__(self, behaviour="accept"):
        self.behaviour = behaviour
        self.taken = []
        self.connections = 0

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802
        session.host_name = hostname
        self.connections += 1
        return responses

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802
        if self.behaviour == "too busy":
            return "421 too busy, come back later"
        if self.behaviour == "hang at sender":
            await asyncio.sleep(3600)
        if self.behaviour == "unknown sender":
            return "550 who are you"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if self.behaviour == "hang at recipient":
            await asyncio.sleep(3600)
        if self.behaviour == "drop at recipient":
            server.transport.abort()
        if self.behaviour == "recipient not now":
            return "450 the mailbox is busy"
        if self.behaviour == "refuse recipient" or address.startswith("nobody"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.behaviour == "refuse":
            return "554 not this letter"
        if self.behaviour == "not now":
            return "451 come back later"
        self.taken.append(envelope)
        if self.behaviour == "hang after data":
            await asyncio.sleep(3600)
        if self.behaviour == "drop after data":
            server.transport.abort()
        if self.behaviour == "one per connection":
            server.transport.write(b"250 OK\r\n")
            server.transport.close()
        return "250 OK"


class MailServer(Controller):
    """Listens on a port of this machine: one that nobody else has while the test runs, unless one is named."""

    def __init__(self, script, *, port=0):
        super().__init__(script, hostname="127.0.0.1", port=port, ready_timeout=60)

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    def factory(self):
        return SMTP(self.handler, hostname="test", enable_SMTPUTF8=False)
