#!/usr/bin/env python3
"""A storm of sign-ins beside an operator who is signed in: standard library only.

    storm.py ADDRESS NAME PASSWORD CONSOLE_PID [SECONDS] [SIGN_INS_A_SECOND] [SOURCES]

Each source is an address of its own in 127.0.0.0/8 with one connection over TLS. Half of them try the operator's name.
Prints the answers by status, the operator's page times, and the console's largest resident memory.
"""

import asyncio
import collections
import json
import ssl
import sys
import time
import urllib.parse

address, name, password, pid = sys.argv[1:5]
seconds = float(sys.argv[5]) if len(sys.argv) > 5 else 120.0
rate = float(sys.argv[6]) if len(sys.argv) > 6 else 500.0
sources = int(sys.argv[7]) if len(sys.argv) > 7 else 100
url = urllib.parse.urlsplit(address)
tls = ssl.create_default_context()
tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE


class Client:
    """One connection with a jar of cookies."""

    def __init__(self, source):
        self.source, self.jar, self.streams = source, {}, None

    async def ask(self, method, path, fields=None):
        if self.streams is None:
            self.streams = await asyncio.open_connection(
                url.hostname, url.port, ssl=tls, local_addr=(self.source, 0), server_hostname=url.hostname)
        reader, writer = self.streams
        body = urllib.parse.urlencode(fields).encode() if fields else b""
        head = [f"{method} {path} HTTP/1.1", f"Host: {url.netloc}"]
        if self.jar:
            head.append("Cookie: " + "; ".join(f"{key}={value}" for key, value in self.jar.items()))
        if fields:
            head += [f"Origin: {address}", "Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        status, length, close = int(lines[0].split()[1]), 0, False
        for line in lines[1:]:
            key, _, value = line.partition(": ")
            if key.lower() == "content-length":
                length = int(value)
            elif key.lower() == "connection":
                close = value.lower() == "close"
            elif key.lower() == "set-cookie":
                pair = value.split(";")[0].partition("=")
                self.jar[pair[0]] = pair[2]
        body = await reader.readexactly(length) if length else b""
        if close:
            self.close()
        return status, body

    def close(self):
        if self.streams:
            self.streams[1].close()
        self.streams = None

    async def token(self):
        return json.loads((await self.ask("GET", "/api/session"))[1])["csrf"]


async def storm(nth, until, answers):
    client = Client(f"127.0.{1 + nth // 200}.{1 + nth % 200}")
    pause = sources / rate
    token, next_at = None, time.monotonic() + pause * nth / sources
    while time.monotonic() < until:
        await asyncio.sleep(max(0.0, next_at - time.monotonic()))
        next_at += pause
        try:
            token = token or await client.token()
            whom = name if nth % 2 else f"nobody-{nth}"
            status, _ = await client.ask("POST", "/sign-in", {"csrf": token, "name": whom, "password": "not the password"})
            answers[status] += 1
        except (OSError, asyncio.IncompleteReadError):
            answers["broken"] += 1
            client.close()
    client.close()


async def operator(client, until, times, answers):
    while time.monotonic() < until:
        begun = time.monotonic()
        status, _ = await client.ask("GET", "/")
        times.append(time.monotonic() - begun)
        answers[status] += 1
        await asyncio.sleep(0.05)


async def main():
    client = Client("127.0.0.1")
    token = await client.token()
    status, _ = await client.ask("POST", "/sign-in", {"csrf": token, "name": name, "password": password})
    assert status == 303, status
    refused, pages, times = collections.Counter(), collections.Counter(), []
    until = time.monotonic() + seconds
    works = [storm(nth, until, refused) for nth in range(sources)]
    await asyncio.gather(operator(client, until, times, pages), *works)
    times.sort()
    at = lambda share: f"{1000 * times[int(share * (len(times) - 1))]:.1f} ms"
    largest = next(line.split()[1] for line in open(f"/proc/{pid}/status") if line.startswith("VmHWM"))
    print(f"  sign-ins   {sum(refused.values()) / seconds:.0f}/s from {sources} addresses for {seconds:.0f} s: {dict(refused)}")
    print(f"  operator   {len(times)} pages {dict(pages)}: p50 {at(.5)}, p95 {at(.95)}, p99 {at(.99)}, slowest {at(1)}")
    print(f"  console    {int(largest) / 1024:.0f} MiB at most")


asyncio.run(main())
