import { once } from 'node:events';
import http from 'node:http';
import { expect } from 'chai';
import { judgesRealTime } from '../support/real-time.ts';
import {
  eventually,
  type Rig,
  type RigOptions,
  say,
  startRig,
  startUpstream,
  tcp,
  type Upstream,
  Wire,
} from './http1-rig.ts';

describe('HTTP/1.1 through the server and the upstream leg', function () {
  judgesRealTime(this, 'it pauses a reader and waits until nothing moves');
  let upstream: Upstream;
  let rig: Rig;
  const agents: http.Agent[] = [];

  async function start(answer?: Parameters<typeof startUpstream>[0], options?: RigOptions): Promise<void> {
    upstream = await startUpstream(answer);
    rig = await startRig(tcp(upstream.port), options);
  }
  afterEach(async () => {
    for (const agent of agents.splice(0)) agent.destroy();
    await rig.close();
    await upstream.close();
  });

  async function fetchIt(options: http.RequestOptions, body?: Buffer | string, agent?: http.Agent) {
    const own = agent ?? new http.Agent();
    if (!agents.includes(own)) agents.push(own);
    const request = http.request({ host: '127.0.0.1', port: rig.port, agent: own, ...options });
    request.end(body);
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    return { response, body: Buffer.concat(chunks) };
  }

  it('forwards a GET: path, host, end-to-end fields, and says who asked', async () => {
    await start();
    const { response, body } = await fetchIt({
      path: '/a/b?c=d%20e',
      headers: {
        host: 'orders.test',
        'x-one': ['1', '2'],
        connection: 'x-gone, close',
        'x-gone': 'secret',
        te: 'trailers',
      },
    });
    expect(response.statusCode).to.equal(200);
    expect(body.toString()).to.equal('saw GET /a/b?c=d%20e ');
    const [seen] = upstream.seen;
    expect(seen.headers.host).to.equal('orders.test');
    expect(seen.rawHeaders.filter((_, i, all) => i % 2 === 1 && all[i - 1] === 'x-one')).to.deep.equal([
      '1',
      '2',
    ]);
    expect(seen.headers).to.include({ 'x-forwarded-for': '192.0.2.7', 'x-forwarded-proto': 'http' });
    expect(seen.headers).to.not.have.any.keys(
      'x-gone',
      'te',
      'forwarded',
      'via',
      'content-length',
      'transfer-encoding',
    );
  });

  it('serves a socket whose first bytes somebody else read', async () => {
    await start(undefined, { sniff: true });
    const { body } = await fetchIt({ method: 'POST', path: '/' }, 'x'.repeat(200_000));
    expect(body.toString()).to.equal(`saw POST / ${'x'.repeat(200_000)}`);
  });

  it('keeps repeated reply fields apart, and the content-length', async () => {
    await start((_request, response) => {
      response.writeHead(201, [
        'set-cookie',
        'a=1',
        'set-cookie',
        'b=2',
        'etag',
        '"x"',
        'content-length',
        '2',
      ]);
      response.end('ok');
    });
    const { response } = await fetchIt({ path: '/' });
    expect(response.statusCode).to.equal(201);
    expect(response.headers['set-cookie']).to.deep.equal(['a=1', 'b=2']);
    expect(response.headers).to.include({ 'content-length': '2', etag: '"x"' });
  });

  it('passes bytes above 0x7f in fields exactly, however the head is sent', async () => {
    const name = 'attachment; filename="caf\xc3\xa9 \xe9"';
    await start((request, response) => {
      const echo = ['content-disposition', request.headers['x-latin'] as string];
      response.writeHead(200, request.url === '/length' ? [...echo, 'content-length', '2'] : echo);
      if (request.url === '/late') {
        response.write(Buffer.alloc(0));
        setTimeout(() => response.end(Buffer.from('ok')), 20);
      } else response.end(Buffer.from('ok'));
    });
    for (const path of ['/length', '/late', '/chunked']) {
      const agent = new http.Agent();
      agents.push(agent);
      const headers = { 'x-latin': name, 'content-length': 3 };
      const request = http.request({
        host: '127.0.0.1',
        port: rig.port,
        agent,
        method: 'POST',
        path,
        headers,
      });
      request.write('', 'latin1');
      await eventually(() => rig.calls.length > 0);
      request.end('abc');
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      response.resume();
      expect(upstream.seen.at(-1)?.headers['x-latin'], path).to.equal(name);
      expect(response.headers['content-disposition'], path).to.equal(name);
    }
  });

  it('carries large bodies both ways with bounded memory', async () => {
    await start((_request, response, seen) => response.end(Buffer.from(seen.body, 'latin1')));
    const body = Buffer.alloc(8 * 1024 * 1024);
    for (let i = 0; i < body.length; i += 4) body.writeUInt32LE(i, i);
    const { body: echoed } = await fetchIt(
      { method: 'POST', path: '/', headers: { 'content-length': body.length } },
      body,
    );
    expect(echoed.equals(body)).to.equal(true);
    const [call] = rig.calls;
    expect(call.requestInFlightMax).to.be.within(1, 256 * 1024);
    expect(call.replyInFlightMax).to.be.within(1, 256 * 1024);
  });

  it('stops reading a reply that the client does not read, then goes on', async () => {
    const total = 16 * 1024 * 1024;
    let written = 0;
    await start((_request, response) => {
      response.writeHead(200, { 'content-length': total });
      const more = () => {
        while (written < total) {
          written += 65_536;
          if (!response.write(Buffer.alloc(65_536, 0x61))) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    });
    const wire = new Wire(rig.port);
    wire.socket.pause();
    wire.say('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    let before = -1;
    // It stands still once every buffer on the way is full.
    while (written !== before || written === 0) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(written).to.be.below(total);
    expect(rig.calls[0].replyInFlightMax).to.be.below(256 * 1024);
    wire.socket.resume();
    await wire.closed;
    expect(wire.text.length - wire.text.indexOf('\r\n\r\n') - 4).to.equal(total);
  });

  it('relays chunks as they come, before the reply is whole', async () => {
    let response: http.ServerResponse | undefined;
    await start((_request, one) => {
      response = one;
      one.writeHead(200, { 'content-type': 'text/event-stream' });
      one.flushHeaders();
    });
    const wire = new Wire(rig.port);
    wire.say('GET /events HTTP/1.1\r\nhost: a\r\n\r\n');
    await wire.until('text/event-stream');
    response?.write('data: 1\n\n');
    await wire.until('data: 1');
    response?.end('data: 2\n\n');
    await wire.until('\r\n0\r\n\r\n');
    wire.socket.destroy();
  });

  it('carries trailers both ways', async () => {
    await start((_request, response, seen) => {
      response.writeHead(200, { trailer: 'x-sum' });
      response.write(`got ${seen.body}`);
      response.addTrailers([
        ['x-sum', seen.trailers['x-check'] ?? 'none'],
        ['x-sum', 'again'],
      ]);
      response.end();
    });
    const answer = await say(
      rig.port,
      'POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\ntrailer: x-check\r\n\r\n' +
        '3\r\nabc\r\n0\r\nx-check: 42\r\nhost: evil\r\n\r\n',
    );
    expect(answer.text).to.match(/7\r\ngot abc\r\n0\r\nx-sum: 42\r\nx-sum: again\r\n\r\n$/);
    expect(upstream.seen[0].trailers).to.deep.equal({ 'x-check': '42' });
  });

  it('answers HEAD, 204 and 304 without a body and keeps the connection in step', async () => {
    await start((request, response) => {
      if (request.url === '/204') response.writeHead(204).end();
      else if (request.url === '/304') response.writeHead(304, { etag: '"x"', 'content-length': 99 }).end();
      else
        response.writeHead(200, { 'content-length': 5 }).end(request.method === 'HEAD' ? undefined : 'hello');
    });
    const wire = new Wire(rig.port);
    for (const [line, status] of [
      ['HEAD /', 200],
      ['GET /204', 204],
      ['GET /304', 304],
    ] as const) {
      wire.text = '';
      wire.say(`${line} HTTP/1.1\r\nhost: a\r\n\r\n`);
      const text = await wire.until('\r\n\r\n');
      expect(text).to.match(new RegExp(`^HTTP/1.1 ${status} [\\s\\S]*\r\n\r\n$`));
      expect(text).to.not.match(/transfer-encoding/i);
      if (line === 'HEAD /') expect(text).to.include('content-length: 5');
    }
    wire.text = '';
    wire.say('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await wire.until(/\r\n\r\nhello$/);
    wire.socket.destroy();
    expect(upstream.connections()).to.equal(1);
  });

  it('reuses the connections on both sides', async () => {
    await start();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 5; i++) await fetchIt({ path: `/${i}` }, undefined, agent);
    expect(rig.server.connections).to.equal(1);
    expect(upstream.connections()).to.equal(1);
    expect(rig.pool.active).to.equal(0);
  });

  it('answers pipelined requests in order, one at a time', async () => {
    let running = 0;
    let most = 0;
    await start((request, response) => {
      most = Math.max(most, ++running);
      // The first is the slowest.
      setTimeout(
        () => {
          running -= 1;
          response.end(`<${request.url}>`);
        },
        request.url === '/1' ? 30 : 0,
      );
    });
    const one = (path: string, more = '') =>
      `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n${more}\r\nabc`;
    const { text } = await say(rig.port, one('/1') + one('/2') + one('/3', 'connection: close\r\n'));
    expect(text.match(/<\/\d>/g)).to.deep.equal(['</1>', '</2>', '</3>']);
    expect(most).to.equal(1);
    expect(upstream.seen.map((seen) => seen.body)).to.deep.equal(['abc', 'abc', 'abc']);
  });

  it('takes the authority of an absolute-form over host', async () => {
    await start();
    await say(
      rig.port,
      'GET http://real.test:81/x?y HTTP/1.1\r\nhost: other.test\r\nconnection: close\r\n\r\n',
    );
    expect(upstream.seen[0]).to.include({ url: '/x?y' });
    expect(upstream.seen[0].headers.host).to.equal('real.test:81');
  });

  it('serves HTTP/1.0: a reply of unknown length ends with the connection', async () => {
    await start((_request, response) => {
      response.write('one ');
      response.end('two');
    });
    const { text, broken } = await say(rig.port, 'GET / HTTP/1.0\r\n\r\n');
    expect(text)
      .to.match(/connection: close/i)
      .and.not.match(/transfer-encoding/i);
    expect(text.endsWith('\r\n\r\none two')).to.equal(true);
    expect(broken).to.equal(false);
  });

  it('invites the body of a client that expects 100-continue', async () => {
    await start();
    const wire = new Wire(rig.port);
    wire.say('POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n');
    await wire.until('HTTP/1.1 100 Continue\r\n\r\n');
    wire.say('hello');
    await wire.until('saw POST / hello');
    expect(upstream.seen[0].headers).to.not.have.property('expect');
    wire.socket.destroy();
  });

  it('forwards interim replies', async () => {
    await start((_request, response) => {
      response.writeProcessing();
      response.writeEarlyHints({ link: '</a>; rel=preload' });
      response.end('done');
    });
    const { text } = await say(rig.port, 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    expect(text.match(/^HTTP\/1\.1 \d+/gm)).to.deep.equal(['HTTP/1.1 102', 'HTTP/1.1 103', 'HTTP/1.1 200']);
  });

  it('goes on after an early reply to an upload that nobody reads', async () => {
    upstream = await startUpstream();
    upstream.server.removeAllListeners('request');
    upstream.server.on('request', (request, response) => {
      response.writeHead(413, { 'content-length': 3, connection: 'close' }).end('big');
      request.resume();
    });
    rig = await startRig(tcp(upstream.port));
    const wire = new Wire(rig.port);
    wire.say('POST /1 HTTP/1.1\r\nhost: a\r\ncontent-length: 300000\r\n\r\nsome');
    await wire.until('big');
    wire.say(Buffer.alloc(300_000 - 4, 0x61));
    wire.text = '';
    wire.say('POST /2 HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nok');
    await wire.until('big');
    wire.socket.destroy();
    await eventually(() => rig.pool.active === 0);
  });

  it('drains: idle connections close, busy ones with their reply', async () => {
    let release = () => {};
    await start((_request, response) => {
      release = () => response.end('late');
      if (upstream.seen.length === 1) response.end('first');
    });
    const idle = new Wire(rig.port);
    idle.say('GET /idle HTTP/1.1\r\nhost: a\r\n\r\n');
    await idle.until('first');
    const busy = new Wire(rig.port);
    busy.say('GET /busy HTTP/1.1\r\nhost: a\r\n\r\n');
    await eventually(() => upstream.seen.length === 2);
    rig.server.drain();
    await idle.closed;
    await eventually(() => rig.server.connections === 1);
    release();
    await busy.closed;
    expect(busy.text)
      .to.match(/connection: close/i)
      .and.include('late');
    await eventually(() => rig.server.connections === 0);
  });
});
