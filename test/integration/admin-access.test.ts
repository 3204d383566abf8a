import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { AdminSecurity } from '../../src/admin/renewable-security.ts';
import { adminRoutes } from '../../src/admin/routes.ts';
import { type AdminOptions, startAdmin } from '../../src/admin/server.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { type AdminRig, readToEnd, startAdminRig } from '../support/admin-rig.ts';
import { until } from '../support/until.ts';

const token = 'f00dfeedf00dfeedf00dfeedf00dfeed';
const bearer = (value: string) => ({ authorization: `Bearer ${value}` });
const basic = (pair: string) => ({ authorization: `Basic ${Buffer.from(pair).toString('base64')}` });
const probes = ['/ready', '/live', '/metrics'];

describe('admin access from another machine', () => {
  const rigs: AdminRig[] = [];
  afterEach(async () => {
    for (const rig of rigs.splice(0)) await rig.close();
  });
  /** Every peer counts as one of another machine, unless the test says otherwise. */
  async function start(options: Partial<AdminOptions> = {}): Promise<AdminRig> {
    const rig = await startAdminRig(undefined, { isLocalPeer: () => false, ...options });
    rigs.push(rig);
    return rig;
  }
  const withToken = (): Promise<AdminRig> => start({ security: () => ({ token, tls: null }) });
  const reads = (rig: AdminRig): string[] => {
    const id = String(rig.proxy.traces().recent[0].id);
    const paths = adminRoutes
      .filter(({ method }) => method === 'GET')
      .map(({ path }) => path.replace('{}', path.startsWith('/calls') ? 'method' : id))
      .map((path) => (path === '/explain' ? '/explain?request=/' : path));
    return [...paths.filter((path) => !probes.includes(path)), '/dashboard/main.js'];
  };
  const changes = adminRoutes
    .filter(({ method }) => method === 'POST')
    .map(({ path }) => path.replace('{}', '127.0.0.1:50051'));

  it('without a credential reads everything and changes nothing', async () => {
    const rig = await start();
    for (const path of ['/', '/clusters', '/config_dump', ...probes])
      expect((await rig.get(path)).status, path).to.equal(200);
    rig.proxy.asked.length = 0;
    for (const path of changes) {
      const answer = await rig.ask('POST', path, bearer(token));
      expect(answer.status, path).to.equal(403);
      expect(answer.body).to.equal(
        'Refused: a request of another machine may change nothing here; set admin.token, admin.tokenFile or admin.tls.clientCa, or ask on the machine itself.\n',
      );
    }
    expect(rig.proxy.asked).to.deep.equal([]);
  });

  it('with a token configured, needs it for all but the probes', async () => {
    const rig = await withToken();
    for (const path of probes) expect((await rig.get(path)).status, path).to.equal(200);
    rig.proxy.asked.length = 0;
    for (const path of reads(rig)) {
      for (const headers of [
        {},
        bearer('x'.repeat(32)),
        bearer(''),
        bearer(`${token}x`),
        { authorization: token },
      ]) {
        const answer = await rig.get(path, headers);
        expect([answer.status, answer.body.includes(token)], path).to.deep.equal([401, false]);
        expect(answer.headers['www-authenticate']).to.equal(
          'Bearer realm="outrigger", Basic realm="outrigger", charset="UTF-8"',
        );
      }
    }
    for (const path of changes) {
      expect((await rig.ask('POST', path)).status, path).to.equal(401);
      expect((await rig.ask('POST', path, bearer('guess'))).body).to.match(/^Refused: the token is wrong; /);
    }
    expect(rig.proxy.asked).to.deep.equal([]);
  });

  it('with the token, reads and changes: as Bearer, and as the password of Basic', async () => {
    const rig = await withToken();
    for (const headers of [bearer(token), { authorization: `bearer  ${token}` }, basic(`me:${token}`)]) {
      for (const path of reads(rig).filter((path) => path !== '/live/events'))
        expect((await rig.get(path, headers)).status, path).to.equal(200);
      expect((await rig.ask('POST', '/undrain', headers)).status).to.equal(200);
    }
    const stream = rig.connect();
    stream.write(`GET /live/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    const [head] = (await once(stream, 'data')) as [Buffer];
    expect(String(head)).to.match(/^HTTP\/1\.1 200 /);
  });

  it('a token is no pass for a page of another site', async () => {
    const rig = await withToken();
    const foreign = { ...basic(`me:${token}`), origin: 'http://evil.example' };
    expect((await rig.ask('POST', '/drain', foreign)).status).to.equal(403);
    const rebound = { ...bearer(token), host: 'evil.example' };
    expect((await rig.get('/clusters', rebound)).status).to.equal(403);
    expect(rig.proxy.asked).to.deep.equal([]);
  });

  it('this machine needs no token; what a proxy on it forwards does', async () => {
    const rig = await start({ isLocalPeer: undefined, security: () => ({ token, tls: null }) });
    expect((await rig.get('/clusters')).status).to.equal(200);
    expect((await rig.ask('POST', '/undrain')).status).to.equal(200);
    for (const name of [
      'x-forwarded-for',
      'forwarded',
      'via',
      'x-real-ip',
      'X-Forwarded-Proto',
      'x-envoy-external-address',
      'X-Forwarded',
      'X-Client-IP',
      'True-Client-IP',
      'CF-Connecting-IP',
      'X-Azure-ClientIP',
      'X-Original-Forwarded-For',
      'CDN-Loop',
      'l5d-client-id',
    ]) {
      const forwarded = { [name]: '10.0.0.7' };
      const answer = await rig.ask('POST', '/drain', forwarded);
      expect([answer.status, answer.body], name).to.deep.equal([
        401,
        'Refused: a request that a proxy forwarded counts as one of another machine, which needs the token of admin.token as "Authorization: Bearer TOKEN"; commands take --admin-token-file.\n',
      ]);
      expect((await rig.get('/ready', forwarded)).status).to.equal(200);
      expect((await rig.ask('POST', '/undrain', { ...forwarded, ...bearer(token) })).status).to.equal(200);
    }
    expect(rig.proxy.asked).to.not.include('drain');
  });

  it('a token that is replaced counts from then on, and one that cannot be read changes nothing', async () => {
    let security: () => AdminSecurity = () => ({ token, tls: null });
    const rig = await start({ security: () => security() });
    const next = 'cafecafecafecafecafe';
    security = () => ({ token: next, tls: null });
    expect((await rig.get('/clusters', bearer(token))).status, 'not yet').to.equal(200);
    rig.admin.renew();
    expect((await rig.get('/clusters', bearer(token))).status).to.equal(401);
    expect((await rig.get('/clusters', bearer(next))).status).to.equal(200);
    security = () => {
      throw new Error('gone');
    };
    expect(() => rig.admin.renew()).to.throw('gone');
    expect((await rig.get('/clusters', bearer(next))).status).to.equal(200);
  });

  it('a token that is replaced ends the event streams that were opened with it, and no others', async () => {
    let token = 'f00df00df00df00df00d';
    const rig = await start({
      security: () => ({ token, tls: null }),
      isLocalPeer: ({ remotePort = 0 }) => localPorts.has(remotePort),
    });
    const localPorts = new Set<number>();
    const open = async (header: string): Promise<{ socket: Socket; text: () => string }> => {
      const socket = rig.connect();
      await once(socket, 'connect');
      if (header === '') localPorts.add(socket.localPort ?? 0);
      let text = '';
      socket.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      socket.write(`GET /live/events HTTP/1.1\r\nhost: localhost\r\n${header}\r\n`);
      await until(
        () => text.includes('event: snapshot'),
        () => text,
      );
      return { socket, text: () => text };
    };
    const [remote, local] = [await open(`authorization: Bearer ${token}\r\n`), await open('')];
    rig.admin.renew();
    token = 'cafecafecafecafecafe';
    const closed = until(() => remote.text().endsWith('0\r\n\r\n'), remote.text);
    rig.admin.renew();
    await closed;
    const before = local.text().length;
    await until(() => local.text().length > before, local.text);
    expect(local.text().endsWith('0\r\n\r\n')).to.equal(false);
  });

  it('the host that admin.listen and admin.probes have is a name of the server', async () => {
    // Another way to write 127.0.0.1, which the guard does not know by itself; so it is with 0.0.0.0 and with names.
    const address = { kind: 'tcp', host: '127.1', port: 0 } as const;
    const rig = await start({ address, probes: { ...address, host: '2130706433' } });
    const { probesAddress } = rig.admin;
    const probesPort = probesAddress?.kind === 'tcp' ? probesAddress.port : 0;
    for (const [port, host, status] of [
      [rig.port, '127.1', 200],
      [rig.port, '2130706433', 403],
      [probesPort, '2130706433', 200],
      [probesPort, '127.1', 403],
    ] as const) {
      const socket = connect(port, '127.0.0.1');
      socket.write(`GET /ready HTTP/1.1\r\nhost: ${host}:${port}\r\nconnection: close\r\n\r\n`);
      expect(await readToEnd(socket), `${host} at ${port}`).to.match(new RegExp(`^HTTP/1\\.1 ${status} `));
    }
  });

  it('refuses more than one Host, on both addresses', async () => {
    const rig = await start({ probes: { kind: 'tcp', host: '127.0.0.1', port: 0 } });
    const { probesAddress } = rig.admin;
    for (const port of [rig.port, probesAddress?.kind === 'tcp' ? probesAddress.port : 0]) {
      const socket = connect(port, '127.0.0.1');
      socket.write(
        'GET /ready HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\nconnection: close\r\n\r\n',
      );
      expect(await readToEnd(socket)).to.match(/^HTTP\/1\.1 400 .*more than one Host header/s);
    }
  });

  it('names in allowedHosts pass, others do not', async () => {
    const rig = await start({ allowedHosts: ['Orders-sidecar.default.svc', '10.1.2.3'] });
    for (const host of ['orders-sidecar.default.svc:15000', '10.1.2.3', '127.0.0.1'])
      expect((await rig.get('/ready', { host })).status, host).to.equal(200);
    const other = await rig.get('/ready', { host: 'other.default.svc' });
    expect([other.status, other.body.includes('admin.allowedHosts')]).to.deep.equal([403, true]);
  });
});

describe('admin.probes', () => {
  let rig: AdminRig;
  let port: number;
  beforeEach(async () => {
    rig = await startAdminRig(undefined, {
      probes: { kind: 'tcp', host: '127.0.0.1', port: 0 },
      allowedHosts: ['orders.svc'],
      security: () => ({ token, tls: null }),
      isLocalPeer: () => false,
    });
    const { probesAddress } = rig.admin;
    port = probesAddress?.kind === 'tcp' ? probesAddress.port : 0;
    rig.proxy.asked.length = 0;
  });
  afterEach(() => rig.close());
  const ask = (method: string, path: string, headers: Record<string, string> = {}) =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      const asking = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (reply) => {
        let body = '';
        reply.on('data', (chunk) => {
          body += chunk;
        });
        reply.on('end', () => resolve({ status: reply.statusCode ?? 0, body }));
      });
      asking.on('error', reject).end();
    });

  it('serves /ready, /live and /metrics without a token, and nothing else', async () => {
    for (const path of probes) {
      expect((await ask('GET', path)).status, path).to.equal(200);
      expect((await ask('HEAD', path)).status, path).to.equal(200);
      expect((await ask('POST', path)).status, path).to.equal(405);
    }
    for (const { method, path } of adminRoutes) {
      if (probes.includes(path)) continue;
      const answer = await ask(method, path.replace('{}', '1'), bearer(token));
      expect(answer.status, path).to.equal(404);
    }
    expect((await ask('GET', '/dashboard/main.js')).status).to.equal(404);
    expect(rig.proxy.asked.filter((asked) => !asked.startsWith('metrics'))).to.deep.equal([]);
    const { body } = await ask('GET', '/');
    expect(body).to.match(/^There is no \/ here\. There is:\n( {2}GET {2}\/(ready|live|metrics) .*\n){3}$/);
  });

  it('passes on the 503 of a sidecar that is not ready', async () => {
    rig.proxy.isReady = false;
    expect((await ask('GET', '/ready')).status).to.equal(503);
  });

  it('takes any IP address for Host, and names only from allowedHosts', async () => {
    for (const host of ['10.9.8.7:15020', '[fd00::1]:80', 'localhost', 'orders.svc:15020'])
      expect((await ask('GET', '/metrics', { host })).status, host).to.equal(200);
    for (const host of ['evil.example', '10.9.8.7.evil.example', 'orders.svc.evil'])
      expect((await ask('GET', '/metrics', { host })).status, host).to.equal(403);
    expect((await ask('GET', '/metrics', { origin: 'http://evil.example' })).status).to.equal(403);
  });

  it('an address in use is named by its key, and nothing is left behind', async () => {
    const options = {
      address: { kind: 'tcp', host: '127.0.0.1', port: 0 } as const,
      probes: { kind: 'tcp', host: '127.0.0.1', port } as const,
      deps: rig.proxy,
      logger: silentLogger,
    };
    const failure = await startAdmin(options).then(
      () => new Error('it started'),
      (error: Error) => error,
    );
    expect(failure.message).to.match(
      /^the admin server \(admin\.probes\) cannot listen on 127\.0\.0\.1:\d+: the address is in use/,
    );
  });

  it('closes with the admin server', async () => {
    await rig.admin.close();
    const again = createServer();
    again.listen(port, '127.0.0.1');
    await once(again, 'listening');
    expect((again.address() as AddressInfo).port).to.equal(port);
    again.close();
    await once(again, 'close');
  });
});

describe('the token of a file', () => {
  it('is that of a mounted file, with or without a line feed', async () => {
    const { adminSecurity } = await import('../../src/runtime/admin-security.ts');
    const folder = mkdtempSync(join(tmpdir(), 'admin-token-'));
    const file = join(folder, 'token');
    const of = () =>
      adminSecurity({ tokenFile: file, token: undefined, tls: undefined } as Parameters<
        typeof adminSecurity
      >[0]);
    writeFileSync(file, `${token}\n`);
    expect(of()).to.deep.equal({ token, tls: null });
    writeFileSync(file, 'short');
    expect(of).to.throw(/^admin\.tokenFile: .*token has 5 characters, which can be guessed; write 16 to 512/);
    rmSync(folder, { recursive: true });
  });
});
