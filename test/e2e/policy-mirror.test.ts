import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { ConfigShape } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

interface Address {
  readonly address: string;
}

function mirrorConfig(live: Address, shadow: Address, mirror: object = {}, protocol = 'http2'): ConfigShape {
  const cluster = (name: string, { address }: Address) => ({
    name,
    protocol,
    endpoints: [{ address }],
    health: 'none',
  });
  const route = { name: 'all', cluster: 'live', mirror: { cluster: 'shadow', ...mirror } };
  return {
    listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [route] }],
    clusters: [cluster('live', live), cluster('shadow', shadow)],
  };
}

describe('mirror, end to end', () => {
  const { greeter, sidecar, client, defer } = rig();

  /** Values of the `outrigger_mirror_*` series, by name and reason or outcome. */
  async function counts(adminUrl: string): Promise<Record<string, number>> {
    const text = await (await fetch(`${adminUrl}/metrics`)).text();
    const found: Record<string, number> = {};
    for (const [, name, labels, value] of text.matchAll(/^outrigger_mirror_(\w+)_total\{(.*)\} (\d+)$/gm)) {
      const detail = /outrigger_(?:reason|outcome)="(\w+)"/.exec(labels)?.[1];
      found[detail === undefined ? name : `${name} ${detail}`] = Number(value);
    }
    return found;
  }

  it('copies every kind of gRPC call, marked, and counts copies apart from calls', async () => {
    const [live, shadow] = [await greeter({ name: 'live' }), await greeter({ name: 'shadow' })];
    const proxy = await sidecar(mirrorConfig(live, shadow));
    const caller = client(proxy.target());
    const payload = Buffer.alloc(100_000, 0x61);
    const results = [
      await caller.sayHello('x', { metadata: [['x-user', 'ada']] }),
      await caller.clientStream([{ payload }, { payload }, { payload }]),
      await caller.serverStream({ payload, options: { replies: 3 } }),
      await caller.bidi([{ payload }, { payload }]),
    ];
    expect(results.map(({ code, details }) => `${code} ${details}`)).to.deep.equal(Array(4).fill('0 OK'));
    expect(results.every(({ replies }) => replies.every(({ replica }) => replica === 'live'))).to.equal(true);
    await until(
      () => shadow.calls === 4 && shadow.active === 0,
      () => `${shadow.calls} copies`,
    );
    expect(shadow.lastMetadata!.get('x-outrigger-mirrored')).to.deep.equal(['all']);
    expect(live.lastMetadata!.get('x-outrigger-mirrored')).to.deep.equal([]);
    expect([live.calls, shadow.cancelled]).to.deep.equal([4, 0]);
    await until(
      () => proxy.cluster('shadow').active === 0,
      () => `${proxy.cluster('shadow').active} leases`,
    );
    expect(await counts(proxy.adminUrl)).to.deep.equal({ sent: 4, 'ended success': 4 });
    expect(proxy.endpoint(shadow.address)).to.include({ success: 4, error: 0 });
    expect(proxy.calls().map(({ attempts }) => attempts.length)).to.deep.equal([1, 1, 1, 1]);
    const metrics = await (await fetch(`${proxy.adminUrl}/metrics`)).text();
    const counted = [...metrics.matchAll(/^rpc_server_call_duration_seconds_count\{.*\} (\d+)$/gm)];
    expect(counted.reduce((sum, [, value]) => sum + Number(value), 0)).to.equal(4);
  });

  it('neither delays nor fails calls while the mirror hangs, fails or is gone', async () => {
    const [live, shadow] = [await greeter({ name: 'live' }), await greeter({ name: 'shadow' })];
    const proxy = await sidecar(mirrorConfig(live, shadow, { timeout: '100ms' }));
    const caller = client(proxy.target());
    shadow.delayMs = 60_000;
    expect((await caller.sayHello('x')).code).to.equal(0);
    await until(
      async () => (await counts(proxy.adminUrl))['dropped timeout'] === 1,
      () => 'the copy was not given up',
    );
    await until(
      () => shadow.cancelled === 1,
      () => 'the copy was not cancelled',
    );
    shadow.delayMs = 0;
    shadow.failure = { code: 13, details: 'broken' };
    expect((await caller.sayHello('x')).code).to.equal(0);
    await until(
      async () => (await counts(proxy.adminUrl))['ended error'] === 2,
      () => 'the failed copy was not counted',
    );
    await shadow.kill();
    for (let i = 0; i < 3; i++) expect((await caller.sayHello('x')).code).to.equal(0);
    expect(live.calls).to.equal(5);
    await until(
      () => proxy.cluster('shadow').active === 0,
      () => 'a copy is left',
    );
  });

  async function httpServer(answer: http.RequestListener): Promise<Address> {
    const one = http.createServer(answer);
    await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
    defer(() => {
      one.closeAllConnections();
      return new Promise((resolve) => one.close(resolve));
    });
    return { address: `127.0.0.1:${(one.address() as AddressInfo).port}` };
  }

  it('drops the copy of an upload that the mirror does not read, and the upload goes on', async () => {
    let received = 0;
    const live = await httpServer((request, response) => {
      request.on('data', (chunk: Buffer) => {
        received += chunk.length;
      });
      request.on('end', () => response.end('whole'));
    });
    const shadow = await httpServer(() => {
      // Neither reads nor answers.
    });
    const proxy = await sidecar(mirrorConfig(live, shadow, { bufferedBytes: '128KiB' }, 'http1'));
    // More than the sockets in between can hold.
    const body = Buffer.alloc(32 << 20, 0x61);
    const reply = await fetch(`http://${proxy.target()}/`, { method: 'POST', body });
    expect([reply.status, await reply.text(), received]).to.deep.equal([200, 'whole', body.length]);
    expect(proxy.cluster('shadow').active).to.equal(0);
    expect(await counts(proxy.adminUrl)).to.deep.equal({ sent: 1, 'dropped buffer': 1, 'ended other': 1 });
  });

  it('copies HTTP/1.1 requests with their bodies', async () => {
    const seen: string[] = [];
    const server = (name: string): Promise<Address> =>
      httpServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          const body = Buffer.concat(chunks).toString();
          seen.push(`${name} ${request.method} ${request.headers['x-outrigger-mirrored']} ${body}`);
          if (name === 'shadow') response.statusCode = 500;
          response.end(name);
        });
      });
    const proxy = await sidecar(mirrorConfig(await server('live'), await server('shadow'), {}, 'http1'));
    const reply = await fetch(`http://${proxy.target()}/a`, { method: 'POST', body: 'hello' });
    expect([reply.status, await reply.text()]).to.deep.equal([200, 'live']);
    await until(
      () => seen.length === 2,
      () => seen.join(),
    );
    expect(seen.sort()).to.deep.equal(['live POST undefined hello', 'shadow POST all hello']);
    await until(
      async () => (await counts(proxy.adminUrl))['ended error'] === 1,
      () => 'the failed copy was not counted',
    );
    expect(proxy.calls()[0]).to.include({ httpStatus: 200, cluster: 'live' });
  });
});
