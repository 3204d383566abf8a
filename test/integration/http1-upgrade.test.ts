import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { expect } from 'chai';
import { errorReply } from '../../src/call/local-reply.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { Ending } from '../../src/core/ending.ts';
import { Field } from '../../src/core/field.ts';
import { HeaderBlock } from '../../src/core/header-block.ts';
import { SeededRandom } from '../../src/core/random.ts';
import type { ReplyError } from '../../src/core/reply-error.ts';
import { HeadCache } from '../../src/http1/head-cache.ts';
import { TunnelDuplex } from '../../src/http1/tunnel-duplex.ts';
import { proxyUpgrade } from '../../src/http1/upgrade.ts';
import type { UpgradeOutcome, UpgradeTarget } from '../../src/http1/upgrade-attempt.ts';
import { http1UpgradeClient } from '../../src/http1/upgrade-client.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { closeListener, eventually, listen, type Rig, say, startRig, tcp, Wire } from './http1-rig.ts';

const handshake =
  'GET /chat?room=1 HTTP/1.1\r\nhost: chat.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: a, b\r\n\r\n';

/** The head of an endpoint that agrees. */
function switching(key: string, fields = ''): string {
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${fields}\r\n`;
}

/** Further fields of its 101. */
let ownFields = '';
/** What the endpoint says in the same breath as its 101. */
let greeting = '';
/** What becomes of the head of the endpoint's reply. */
let changeReply: UpgradeTarget['replyHead'] = (head) => head;
/** Ports to choose from, the n-th for the n-th attempt. */
let ports: number[] = [];
/** Sockets of the endpoint after its 101. */
const opened: net.Socket[] = [];
const requests: http.IncomingMessage[] = [];

function target(attempt: number, head: HeaderBlock, release: UpgradeTarget['release']): UpgradeTarget {
  const address = tcp(ports[Math.min(attempt, ports.length) - 1]);
  return {
    address,
    head,
    dial: {
      tls: null,
      connectTimeoutMs: 2000,
      replyLimits: { headBytesMax: 8192, fieldsMax: 100, chunkExtensionBytesMax: 1024 },
    },
    http2: null,
    clientAddress: '192.0.2.7',
    replyHead: changeReply,
    release,
  };
}

/** Replies that open no WebSocket, whatever their status is. */
const wrongSwitches: ReadonlyArray<readonly [string, string]> = [
  ['to another protocol', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n'],
  ['without a protocol', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
  ['that is not HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
  ['behind too many interim replies', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(33)],
];

describe('WebSocket through the HTTP/1.1 server', function () {
  judgesRealTime(this, 'it pauses a reader and waits until nothing moves');
  let upstream: http.Server;
  let upstreamPort: number;
  let rig: Rig;
  const outcomes: UpgradeOutcome[] = [];
  const released: string[] = [];
  const chosen: number[] = [];
  let chooseError: ReplyError | null = null;

  beforeEach(async () => {
    for (const list of [outcomes, released, chosen, opened, requests, ports]) list.length = 0;
    chooseError = null;
    [greeting, ownFields] = ['', ''];
    changeReply = (head) => head;
    upstream = http.createServer((request, response) => {
      requests.push(request);
      response.end('plain');
    });
    upstream.on('upgrade', (request, socket: net.Socket, head: Buffer) => {
      requests.push(request);
      opened.push(socket);
      socket.on('error', () => {});
      socket.on('end', () => socket.end());
      socket.unshift(head);
      socket.write(switching(String(request.headers['sec-websocket-key']), ownFields) + greeting);
    });
    upstreamPort = await listen(upstream);
    ports = [upstreamPort];
    rig = await startRig(tcp(upstreamPort), {
      onUpgrade: async (head, tunnel) => {
        outcomes.push(
          await proxyUpgrade(http1UpgradeClient(new TunnelDuplex(tunnel)), {
            clock: systemClock,
            random: new SeededRandom(1),
            heads: new HeadCache(),
            connectAttemptsMax: 2,
            opened: () => {},
            errorReply: (error) => errorReply(error, { grpc: false, method: 'GET', contentType: '' }, 1),
            choose: async () => {
              const attempt = chosen.length + 1;
              chosen.push(attempt);
              if (chooseError !== null) return { kind: 'error', error: chooseError };
              const release = ({ outcome }: Ending) => void released.push(outcome);
              return { kind: 'endpoint', target: target(attempt, head, release) };
            },
          }),
        );
      },
    });
  });
  afterEach(async () => {
    await rig.close();
    for (const socket of opened) socket.destroy();
    await closeListener(upstream);
  });

  async function open(more: string | Buffer = ''): Promise<Wire> {
    const wire = new Wire(rig.port);
    wire.say(Buffer.concat([Buffer.from(handshake), Buffer.from(more)]));
    await wire.until('\r\n\r\n');
    await eventually(() => opened.length > 0);
    return wire;
  }

  it('passes the handshake and then bytes both ways, those sent ahead too', async () => {
    const wire = await open('ahead');
    expect(wire.text)
      .to.match(/^HTTP\/1\.1 101 /)
      .and.include('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    expect(requests[0].url).to.equal('/chat?room=1');
    expect(requests[0].headers).to.include({
      host: 'chat.test',
      upgrade: 'websocket',
      connection: 'upgrade',
      'sec-websocket-protocol': 'a, b',
      'x-forwarded-for': '192.0.2.7',
    });
    const [socket] = opened;
    let heard = '';
    socket.on('data', (chunk) => {
      heard += chunk;
    });
    wire.say('-later');
    socket.write('from the endpoint');
    await wire.until('from the endpoint');
    await eventually(() => heard === 'ahead-later');
    wire.socket.end();
    await eventually(() => outcomes.length === 1);
    expect(outcomes[0]).to.deep.equal({
      httpStatus: 101,
      bytesFromClient: 11,
      bytesToClient: 17,
      attempts: 1,
      error: '',
      detail: '',
      declined: null,
    });
    expect(released).to.deep.equal(['success']);
    await eventually(() => socket.destroyed && rig.server.connections === 0);
  });

  it('adds a session cookie to the 101 and to another reply, beside those of the endpoint', async () => {
    changeReply = (head) => new HeaderBlock([...head.allFields, new Field('set-cookie', 'session=token')]);
    ownFields = 'Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n';
    const wire = await open();
    const cookies = () => [...wire.text.matchAll(/^set-cookie: (.*)\r$/gim)].map(([, value]) => value);
    expect(cookies()).to.deep.equal(['a=1', 'b=2', 'session=token']);
    wire.socket.destroy();
    upstream.removeAllListeners('upgrade'); // node answers as to any GET then
    const declined = new Wire(rig.port);
    declined.say(handshake);
    await declined.until('plain');
    expect(declined.text)
      .to.match(/^HTTP\/1\.1 200 /)
      .and.match(/\r\nset-cookie: session=token\r\n/);
  });

  it('passes on what the endpoint says in the same breath as its 101', async () => {
    greeting = 'first of all';
    const wire = await open();
    await wire.until('first of all');
    wire.socket.end();
    await eventually(() => outcomes.length === 1);
    expect(outcomes[0]).to.include({ httpStatus: 101, bytesToClient: greeting.length });
  });

  it('speaks to the WebSocket client of the platform', async () => {
    const client = new WebSocket(`ws://127.0.0.1:${rig.port}/chat`);
    await once(client, 'open');
    const message = once(client, 'message');
    opened[0].write(Buffer.from([0x81, 5, ...Buffer.from('hello')]));
    const [{ data }] = (await message) as [{ data: string }];
    expect(data).to.equal('hello');
    const closed = once(client, 'close');
    opened[0].end(Buffer.from([0x88, 2, 0x03, 0xe8]));
    const [{ code }] = (await closed) as [{ code: number }];
    expect(code).to.equal(1000);
    await eventually(() => outcomes.length === 1);
    expect(outcomes[0].error).to.equal('');
  });

  it('delivers all that the endpoint said before it closed, and no more than the client takes', async () => {
    const wire = await open();
    wire.socket.pause();
    const total = 32 * 1024 * 1024;
    opened[0].end(Buffer.alloc(total, 0x62));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(opened[0].writableLength, 'held back at the endpoint').to.be.above(0);
    wire.socket.resume();
    await wire.closed;
    expect(wire.text.length - wire.text.indexOf('\r\n\r\n') - 4).to.equal(total);
    await eventually(() => outcomes.length === 1);
    expect(outcomes[0]).to.include({ bytesToClient: total, error: '' });
  });

  it('ends the client when the endpoint breaks off, and the endpoint when the client does', async () => {
    const first = await open();
    opened[0].resetAndDestroy();
    await first.closed;
    await eventually(() => outcomes.length === 1);
    expect(outcomes[0].error).to.equal('upstream_closed');
    expect(released).to.deep.equal(['unclear']);

    opened.length = 0;
    const second = await open();
    const left = once(opened[0], 'close');
    opened[0].resume();
    second.socket.resetAndDestroy();
    await left;
    await eventually(() => outcomes.length === 2 && rig.server.connections === 0);
    expect(outcomes[1].error).to.equal('');
  });

  describe('whose endpoint does not simply agree', () => {
    it('relays another answer than 101, framed again, without bytes behind it', async () => {
      const chunked = 'transfer-encoding: chunked\r\nx-why: no\r\n\r\n3\r\nno!\r\n0\r\n\r\n';
      const evil = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil';
      upstream.removeAllListeners('upgrade');
      upstream.on('upgrade', (_request, socket: net.Socket) => {
        opened.push(socket);
        const surplus = ['', 'junk', evil][opened.length - 1];
        socket.write(`HTTP/1.1 403 Forbidden\r\n${chunked}${surplus}`);
      });
      for (let n = 0; n < 3; n++) {
        const { text } = await say(rig.port, handshake);
        expect(text)
          .to.match(/^HTTP\/1\.1 403 /)
          .and.match(/\r\nx-why: no\r\n/)
          .and.match(/\r\nconnection: close\r\n/);
        expect(text).to.not.include('chunked');
        expect(text.endsWith('\r\n\r\nno!')).to.equal(true);
        expect(outcomes[n]).to.include({ httpStatus: 403, bytesToClient: 3, error: '' });
      }
    });

    it('gives the client the error of a policy in place of the reply, and ends the endpoint', async () => {
      changeReply = () => ({ code: 'policy_failed', detail: 'it threw', mayHaveProcessed: true });
      const { text } = await say(rig.port, handshake);
      expect(text)
        .to.match(/^HTTP\/1\.1 500 /)
        .and.include('it threw');
      await eventually(() => opened[0].destroyed);
      expect(released).to.deep.equal(['neutral']);
      expect(outcomes[0]).to.include({ httpStatus: 500, error: 'policy_failed' });
    });

    it('relays a 101 without a length and without a coding', async () => {
      ownFields = 'Content-Length: 0\r\nX-Own: 1\r\n';
      const { text } = await open();
      expect(text)
        .to.match(/\r\nx-own: 1\r\n/)
        .and.not.match(/content-length|transfer-encoding/i);
    });

    for (const [what, reply] of wrongSwitches)
      it(`refuses a switch ${what}, and closes the connection to the endpoint`, async () => {
        upstream.removeAllListeners('upgrade');
        upstream.on('upgrade', (_request, socket: net.Socket) => {
          opened.push(socket);
          socket.on('error', () => {});
          socket.on('end', () => socket.end()).resume();
          socket.write(reply);
        });
        const { text } = await say(rig.port, handshake);
        expect(text).to.match(/^HTTP\/1\.1 502 /);
        await eventually(() => opened[0].destroyed);
        expect(chosen).to.deep.equal([1]);
      });

    it('answers an upgrade over HTTP/1.0 as a plain request', async () => {
      expect(
        (await say(rig.port, handshake.replace('HTTP/1.1', 'HTTP/1.0').replace('keep-alive, ', ''))).text,
      ).to.include('plain');
      expect(chosen).to.deep.equal([]);
    });

    it('breaks off an answer that the endpoint breaks off', async () => {
      upstream.removeAllListeners('upgrade');
      upstream.on('upgrade', (_request, socket) => {
        socket.write('HTTP/1.1 500 Oops\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n');
        setTimeout(() => socket.destroy(), 20);
      });
      const { broken } = await say(rig.port, handshake);
      expect(broken).to.equal(true);
      expect(outcomes[0].error).to.equal('upstream_closed');
    });
  });

  it('goes to another endpoint where one gives no connection', async () => {
    const dead = net.createServer();
    ports = [await listen(dead), upstreamPort];
    await closeListener(dead);
    const wire = await open('ahead');
    await eventually(() => opened[0].bytesRead > 0);
    expect(chosen).to.deep.equal([1, 2]);
    let heard = '';
    opened[0].on('data', (chunk) => {
      heard += chunk;
    });
    await eventually(() => heard === 'ahead');
    wire.socket.destroy();
    await eventually(() => outcomes.length === 1);
    expect(outcomes[0].attempts).to.equal(2);
    expect(released).to.deep.equal(['failure', 'success']);
  });

  it('says so where no endpoint gives a connection', async () => {
    const dead = net.createServer();
    ports = [await listen(dead)];
    await closeListener(dead);
    const { text } = await say(rig.port, handshake);
    expect(text)
      .to.match(/^HTTP\/1\.1 503 /)
      .and.include('x-outrigger-error: connect_failed')
      .and.include('ECONNREFUSED');
    expect(outcomes[0]).to.include({ httpStatus: 503, attempts: 2, error: 'connect_failed' });
    expect(released).to.deep.equal(['failure', 'failure']);
  });

  it('says so where the endpoint closes without an answer', async () => {
    upstream.removeAllListeners('upgrade');
    upstream.on('upgrade', (_request, socket) => socket.destroy());
    const { text } = await say(rig.port, handshake);
    expect(text)
      .to.match(/^HTTP\/1\.1 502 /)
      .and.include('x-outrigger-error: upstream_closed');
    expect(chosen).to.deep.equal([1]);
  });

  it('says what routing says', async () => {
    chooseError = { code: 'no_route', detail: 'no route matched', mayHaveProcessed: false };
    const { text } = await say(rig.port, handshake);
    expect(text)
      .to.match(/^HTTP\/1\.1 404 /)
      .and.include('x-outrigger-error: no_route')
      .and.include('no route matched');
    expect(released).to.deep.equal([]);
  });

  it('refuses a malformed handshake before routing', async () => {
    const { text } = await say(rig.port, handshake.replace('host:', 'host: a\r\nhost:'));
    expect(text)
      .to.match(/^HTTP\/1\.1 400 /)
      .and.include('x-outrigger-error: protocol_error');
    expect(chosen).to.deep.equal([]);
  });

  for (const [how, leave] of [
    ['with a FIN', (socket: net.Socket) => socket.destroy()],
    ['with an RST', (socket: net.Socket) => socket.resetAndDestroy()],
  ] as const)
    it(`lets go of the endpoint when the client leaves ${how} before its answer`, async () => {
      let asked: net.Socket | undefined;
      upstream.removeAllListeners('upgrade');
      upstream.on('upgrade', (_request, socket: net.Socket) => {
        asked = socket;
        socket.on('error', () => {});
        socket.on('end', () => socket.end());
        socket.resume();
      });
      const wire = new Wire(rig.port);
      wire.say(handshake);
      await eventually(() => asked !== undefined);
      leave(wire.socket);
      await eventually(() => asked?.destroyed === true && outcomes.length === 1);
      expect(outcomes[0]).to.include({ httpStatus: 0, error: '' });
    });

  it('answers an upgrade to h2c, or with a body, as a plain request', async () => {
    const plain = await say(
      rig.port,
      'GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade, close\r\nupgrade: h2c\r\n\r\n',
    );
    expect(plain.text).to.include('plain');
    const body = handshake.replace('Upgrade: W', 'content-length: 3\r\nconnection: close\r\nUpgrade: W');
    expect((await say(rig.port, `${body}abc`)).text).to.include('plain');
    expect(chosen).to.deep.equal([]);
    expect(requests.map((request) => request.headers.upgrade)).to.deep.equal([undefined, undefined]);
  });

  it('opens a WebSocket behind another request once that has its reply', async () => {
    const wire = new Wire(rig.port);
    wire.say(`GET / HTTP/1.1\r\nhost: a\r\n\r\n${handshake}`);
    await wire.until(/plain[\s\S]*HTTP\/1\.1 101 /);
    wire.socket.destroy();
    await eventually(() => outcomes.length === 1);
  });

  it('outlives a drain, and ends with the server', async () => {
    const wire = await open();
    rig.server.drain();
    opened[0].write('still here');
    await wire.until('still here');
    expect(rig.server.connections).to.equal(1);
    rig.server.close();
    await wire.closed;
    await eventually(() => outcomes.length === 1);
  });
});
