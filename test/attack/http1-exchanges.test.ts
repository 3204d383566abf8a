import { connect } from 'node:net';
import { expect } from 'chai';
import { connectRaw } from '../support/raw-http2.ts';
import { startSidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { desyncRig, recordedConfig } from './support/desync/desync-rig.ts';
import { echo } from './support/desync/recording-upstream.ts';
import { forwarded, length, smuggled } from './support/desync/rows.ts';

/** Exchanges in which one side speaks before the other has ended, and what comes when nobody is asked. */

const early = 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nearly';
const tooLarge = 'HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 4\r\n\r\nlong';

describe('HTTP/1.1 exchanges, byte by byte', function () {
  this.timeout(30_000);
  const rig = desyncRig({ limits: { perEndpoint: { maxConnections: 64 } } });

  /** Another client gets its own reply, and the endpoint its request alone. */
  async function expectHonest(): Promise<void> {
    const before = rig.upstream.received;
    const other = rig.client();
    other.say('GET /other HTTP/1.1\r\nHost: a\r\n\r\n');
    await other.until(() => other.text.endsWith('GET /other'), 'reply to another client');
    expect(other.text.endsWith('\r\n\r\nGET /other'), other.text).to.equal(true);
    expect(rig.upstream.received.slice(before.length)).to.equal(forwarded('GET /other'));
  }

  /** Answers the head of a POST at once, with `reply`, and reads on. */
  function answerEarly(reply: string): void {
    const { upstream } = rig;
    let answered = 0;
    upstream.heard = (socket) => {
      const heads = upstream.received.match(/^POST .*\r\n/gm)?.length ?? 0;
      for (; answered < heads; answered++) socket.write(reply);
    };
    upstream.answer = (request, socket) => {
      if (request.method !== 'POST') echo(request, socket);
    };
  }

  describe('a reply before the request has ended', () => {
    it('reaches an HTTP/1.1 client, and the rest of its body is no request', async () => {
      answerEarly(early);
      const client = rig.client();
      client.say(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${smuggled.length}\r\n\r\n`);
      await client.until(() => client.text.endsWith('early'), 'early reply');
      const { connections } = rig.upstream;
      client.say(smuggled);
      client.say('GET /probe HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(() => client.text.endsWith('GET /probe'), 'reply behind it');
      expect(client.statuses).to.satisfy((statuses: number[]) =>
        client.ended ? statuses.join() === '200' : statuses.join() === '200,200',
      );
      expect(rig.upstream.received).to.not.match(/\r\n\r\nGET \/smuggled HTTP\/1\.1\r\nhost: a/);
      await expectHonest();
      expect(rig.upstream.connections, 'the connection of the early reply is not used again').to.equal(
        connections + 1,
      );
      await rig.expectUnblamed();
    });

    it('reaches an HTTP/2 client, and the rest of its body is no request', async () => {
      answerEarly(early);
      const client = connectRaw(rig.sidecar.target());
      const { stream, reply } = client.open({
        ':method': 'POST',
        ':path': '/',
        'content-length': smuggled.length,
      });
      stream.on('response', () => stream.end(smuggled));
      const { headers, body } = await reply;
      client.close();
      expect([headers[':status'], body.toString()]).to.deep.equal([200, 'early']);
      const { connections } = rig.upstream;
      await expectHonest();
      expect(rig.upstream.connections).to.equal(connections + 1);
      await rig.expectUnblamed();
    });

    it('to an expectation, which the endpoint never sees: its connection is not used again', async () => {
      answerEarly(early);
      const client = rig.client();
      client.say(
        `POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: ${smuggled.length}\r\n\r\n`,
      );
      await client.until(() => client.text.endsWith('early'), 'early reply');
      client.say(smuggled);
      client.say('GET /probe HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(() => client.text.endsWith('GET /probe'), 'reply behind it');
      expect(client.statuses.filter((status) => status === 200).length).to.be.at.most(2);
      expect(rig.upstream.received).to.not.include('expect');
      expect(rig.upstream.received.match(/^GET \/smuggled/gm) ?? []).to.have.length.at.most(1);
      await expectHonest();
      await rig.expectUnblamed();
    });

    for (const protocol of ['HTTP/1.1', 'HTTP/2']) {
      it(`413 to 400 KB, and the connection closes unread: ${protocol} clients get it every time`, async () => {
        const { upstream } = rig;
        upstream.heard = (socket) => {
          socket.pause();
          socket.write(tooLarge, () => socket.destroy());
        };
        const body = 'b'.repeat(400_000);
        for (let i = 0; i < 20; i++) {
          if (protocol === 'HTTP/2') {
            const client = connectRaw(rig.sidecar.target());
            const { headers, body: text } = await client.request(
              { ':method': 'POST', ':path': '/' },
              Buffer.from(body),
            );
            client.close();
            expect([headers[':status'], text.toString()], `run ${i}`).to.deep.equal([413, 'long']);
          } else {
            const client = rig.client();
            client.say(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
            await client.until(() => client.text.endsWith('long'), `413 in run ${i}`);
            expect(client.statuses, `run ${i}`).to.deep.equal([413]);
            client.destroy();
          }
        }
        await rig.expectUnblamed();
      });
    }
  });

  describe('bytes that nobody asked for', () => {
    for (const [what, bytes] of [
      ['a reply', 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil'],
      ['an interim reply', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
      ['one byte', 'x'],
      ['an empty line', '\r\n'],
    ] as const) {
      it(`${what} on an idle connection: it closes`, async () => {
        const { upstream } = rig;
        let idle: { write(text: string): void } | null = null;
        upstream.answer = (request, socket) => {
          idle = socket;
          echo(request, socket);
        };
        await expectHonest();
        await rig.expectUnblamed();
        const { open } = upstream;
        idle!.write(bytes);
        await until(
          () => upstream.open < open,
          () => 'the connection is still open',
        );
        upstream.answer = echo;
        await expectHonest();
        await rig.expectUnblamed();
      });
    }
  });

  describe('a client that breaks off', () => {
    for (const [how, leave] of [
      ['its FIN', 'end'],
      ['a reset', 'resetAndDestroy'],
    ] as const) {
      it(`in its body, with ${how}: the endpoint never gets a whole request`, async () => {
        const { upstream } = rig;
        const client = rig.client();
        client.say('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf.');
        await until(
          () => upstream.received.endsWith('half.'),
          () => 'the beginning never came',
        );
        client.socket[leave]();
        await rig.expectUnblamed();
        expect(upstream.received).to.equal(forwarded('POST /', length(10), 'half.'));
        await expectHonest();
      });

      it(`in its chunks, with ${how}: the endpoint never gets the last one`, async () => {
        const { upstream } = rig;
        const client = rig.client();
        client.say('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf.\r\n');
        await until(
          () => upstream.received.endsWith('half.\r\n'),
          () => 'the beginning never came',
        );
        client.socket[leave]();
        await rig.expectUnblamed();
        expect(upstream.received).to.not.include('0\r\n\r\n');
        await expectHonest();
      });
    }
  });

  it('requests that came before a drain get their replies, and the last alone says that it is the last', async () => {
    const { upstream } = rig;
    const draining = await startSidecar(recordedConfig(upstream.address));
    const target = draining.target();
    const client = rig.client(target);
    let reply = (): void => {};
    upstream.answer = (request, socket) => {
      if (request.target === '/1') reply = () => echo(request, socket);
      else echo(request, socket);
    };
    client.say(['/1', '/2'].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
    await until(
      () => upstream.received === forwarded('GET /1'),
      () => JSON.stringify(upstream.received),
    );
    const stopped = draining.stop();
    // Not before the listener has closed.
    await until(
      () => isRefused(target),
      () => 'it still takes connections',
    );
    reply();
    await stopped;
    await client.until(() => false, 'end');
    // RFC 9112 section 9.6: behind a reply that says `close`, nothing is processed.
    expect(client.statuses).to.deep.equal([200, 200]);
    expect(client.text).to.match(/GET \/1HTTP.*\r\nconnection: close\r\n.*GET \/2$/s);
    expect(client.text.match(/connection: close/g)).to.have.length(1);
    expect(upstream.received).to.equal(forwarded('GET /1') + forwarded('GET /2'));
  });

  it('an HTTP/1.0 client gets no interim reply', async () => {
    rig.upstream.answer = (request, socket) => {
      socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n');
      echo(request, socket);
    };
    const client = rig.client();
    client.say('GET / HTTP/1.0\r\nHost: a\r\n\r\n');
    await client.until(() => false, 'end');
    expect(client.statuses).to.deep.equal([200]);
  });
});

/** Whether nobody listens there any more. */
function isRefused(target: string): Promise<boolean> {
  const [host, port] = target.split(':');
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) });
    socket.on('error', () => resolve(true));
    socket.on('connect', () => {
      socket.destroy();
      resolve(false);
    });
  });
}
