import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { liveClientsMax } from '../../src/admin/live-events.ts';
import { adminBodyBytesMax, adminConnectionsMax, startAdmin } from '../../src/admin/server.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { type AdminRig, readToEnd, startAdminRig } from '../support/admin-rig.ts';
import { until } from '../support/until.ts';

describe('admin safety', () => {
  let rig: AdminRig;
  beforeEach(async () => {
    rig = await startAdminRig();
  });
  afterEach(() => rig.close());

  it('refuses a foreign Host on every path: DNS rebinding', async () => {
    for (const path of ['/', '/dashboard/main.js', '/clusters', '/live/events', '/nope']) {
      const answer = await rig.get(path, { host: `evil.example:${rig.port}` });
      expect(answer.status, path).to.equal(403);
      expect(answer.body).to.match(/^The Host "evil\.example:\d+" is not a name of this admin server/);
    }
    expect((await rig.get('/ready', { host: `localhost:${rig.port}` })).status).to.equal(200);
  });

  it('refuses requests of foreign pages, and does nothing for them', async () => {
    const post = async (headers: Record<string, string>) => (await rig.ask('POST', '/drain', headers)).status;
    expect(await post({ origin: 'http://evil.example' })).to.equal(403);
    expect(await post({ origin: 'null' })).to.equal(403);
    expect(await post({ origin: `http://127.0.0.1:${rig.port + 1}` })).to.equal(403);
    expect(await post({ 'sec-fetch-site': 'cross-site' })).to.equal(403);
    expect(await post({ host: 'evil.example', origin: 'http://evil.example' })).to.equal(403);
    expect((await rig.get('/stats', { origin: 'http://evil.example' })).status).to.equal(403);
    expect(rig.proxy.asked).to.deep.equal([]);
    expect(await post({ origin: `http://127.0.0.1:${rig.port}`, 'sec-fetch-site': 'same-origin' })).to.equal(
      200,
    );
    expect(rig.proxy.asked).to.deep.equal(['drain']);
  });

  it('puts its guards on every answer', async () => {
    for (const path of ['/', '/clusters', '/clusters?format=json', '/nope', '/drain']) {
      const { headers } = await rig.get(path);
      expect(headers['content-security-policy'], path).to.match(/^default-src 'none'; script-src 'self';/);
      expect(headers).to.include({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
      });
      expect(headers['cache-control'], path).to.equal(path === '/' ? 'no-cache' : 'no-store');
      expect(headers).to.not.have.property('access-control-allow-origin');
    }
  });

  it('reads no body over its limit', async () => {
    const small = await rig.ask('POST', '/healthcheck/ok', {}, 'x'.repeat(adminBodyBytesMax));
    expect(small.status).to.equal(200);
    rig.proxy.asked.length = 0;
    const socket = rig.connect();
    socket.write(
      `POST /drain HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${10 * adminBodyBytesMax}\r\n\r\n`,
    );
    socket.write('x'.repeat(adminBodyBytesMax + 1));
    expect(await readToEnd(socket)).to.match(/^HTTP\/1\.1 413 /);
    expect(rig.proxy.asked).to.deep.equal([]);
  });

  it('answers garbage with 400 and stays up', async () => {
    for (const bytes of [
      '\u0000\u0001\u0002\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    ]) {
      const socket = rig.connect();
      socket.write(bytes);
      expect(await readToEnd(socket)).to.match(/^HTTP\/1\.1 400 /);
    }
    const long = rig.connect();
    long.write(`GET /${'x'.repeat(3_000)} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
    expect(await readToEnd(long)).to.match(/^HTTP\/1\.1 400 [\s\S]*reasonable length/);
    const proxied = rig.connect();
    proxied.write('GET http://127.0.0.1/ready HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n');
    expect(await readToEnd(proxied)).to.match(/^HTTP\/1\.1 400 /);
    for (const head of [
      'CONNECT evil.example:443 HTTP/1.1',
      'GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket',
    ]) {
      const socket = rig.connect();
      socket.write(`${head}\r\nHost: 127.0.0.1\r\n\r\n`);
      expect(await readToEnd(socket)).to.equal('');
    }
    expect((await rig.get('/ready')).status).to.equal(200);
  });

  it('limits its connections', async () => {
    const held = Array.from({ length: adminConnectionsMax }, () => rig.connect());
    await Promise.all(held.map((socket) => once(socket, 'connect')));
    held[0].write('GET /ready HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    await once(held[0], 'data');
    expect(await readToEnd(rig.connect())).to.equal('');
  });

  it('streams to a limited number of pages, a snapshot a second, and ends them when it closes', async () => {
    const streams = Array.from({ length: liveClientsMax }, () => rig.connect());
    for (const socket of streams) {
      socket.write('GET /live/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
      await once(socket, 'data');
    }
    expect(await rig.get('/live/events')).to.include({ status: 503 });
    streams[0].destroy();
    let text = '';
    streams[1].on('data', (chunk) => {
      text += chunk;
    });
    while (!text.includes('event: snapshot')) await once(streams[1], 'data');
    expect(JSON.parse(/event: snapshot\ndata: (.*)/.exec(text)?.[1] ?? '')).to.include.keys(
      'server',
      'totals',
    );
    const ended = once(streams[1], 'end');
    await rig.admin.close();
    await ended;
  });

  it('closes promptly with idle connections open, and twice without harm', async () => {
    const socket = rig.connect();
    socket.write('GET /ready HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    await once(socket, 'data');
    const ended = once(socket, 'close');
    await Promise.all([rig.admin.close(), rig.admin.close(), ended]);
  });

  it('says that its port is in use', async () => {
    const address = { kind: 'tcp', host: '127.0.0.1', port: rig.port } as const;
    const failure = await startAdmin({ address, deps: rig.proxy, logger: silentLogger }).then(
      () => new Error('it started'),
      (error: Error) => error,
    );
    expect(failure.message).to.match(
      /^the admin server cannot listen on 127\.0\.0\.1:\d+: the address is in use; stop what listens there/,
    );
  });

  it('listens on a Unix socket, where Host means nothing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'admin-'));
    const path = join(folder, 'a.sock');
    const admin = await startAdmin({
      address: { kind: 'unix', path },
      deps: rig.proxy,
      logger: silentLogger,
    });
    const [response] = await once(
      get({ socketPath: path, path: '/ready', headers: { host: 'whatever' }, agent: false }),
      'response',
    );
    response.resume();
    expect(response.statusCode).to.equal(200);
    await once(response, 'close');
    await admin.close();
    rmSync(folder, { recursive: true });
  });
});

describe('admin replies that nobody reads', function () {
  this.timeout(20_000);

  it('take a bounded part of memory, refuse nobody who asks for little, and give it back', async () => {
    const rig = await startAdminRig();
    try {
      const large = 'x'.repeat(20 * 1024 * 1024);
      rig.proxy.metricsText = () => ({ type: 'text/plain', body: large });
      const readers = await Promise.all(
        Array.from({ length: 6 }, async () => {
          const request = get({ host: '127.0.0.1', port: rig.port, path: '/metrics' });
          const [reply] = await once(request, 'response');
          reply.on('error', () => {});
          return { request, status: reply.statusCode as number };
        }),
      );
      const statuses = readers.map(({ status }) => status).sort();
      expect(statuses).to.deep.equal([200, 200, 200, 503, 503, 503]);
      expect((await rig.get('/ready')).status).to.equal(200);
      for (const { request } of readers) request.destroy();
      await until(
        async () => (await rig.get('/metrics')).status === 200,
        () => 'what readers left is still counted',
      );
    } finally {
      await rig.close();
    }
  });
});
