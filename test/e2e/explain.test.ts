import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket, connect as tcpConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import type { CallExplanation } from '../../src/admin/explain/call-explanation.ts';
import { clientErrorCallsMax, failedCallsMax, recentCallsMax } from '../../src/telemetry/recent-calls.ts';
import { startHttpCollector } from '../integration/telemetry-collector.ts';
import { greeterConfig, type Sidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

interface ExplainedCall {
  readonly id: number;
  readonly explanation: CallExplanation;
}

const { status } = grpc;
const get = async (url: string): Promise<string> => (await fetch(url)).text();

describe('why a call went where it went, as configured by default', function () {
  this.timeout(20_000);
  const { greeter, sidecar, client: grpcClient, defer } = rig();
  const bare = { health: 'none', outlier: 'none' };
  const explainJson = async (proxy: Sidecar, key: number | string): Promise<ExplainedCall> =>
    (await (await fetch(`${proxy.adminUrl}/explain/${key}?format=json`)).json()) as ExplainedCall;
  const explained = (proxy: Sidecar, id: number): Promise<string> => get(`${proxy.adminUrl}/explain/${id}`);

  it('is there for every call that a list shows, without a collector', async () => {
    const replicas = [await greeter(), await greeter(), await greeter()];
    const proxy = await sidecar(greeterConfig(replicas, bare));
    const client = grpcClient(proxy.target());
    for (let i = 0; i < 12; i++) await client.sayHello('x');
    const listed = (await (await fetch(`${proxy.adminUrl}/traces?format=json`)).json()) as {
      recent: Array<{ id: number; attempts: Array<{ endpoint: string; pick: string }> }>;
    };
    expect(listed.recent).to.have.length(12);
    for (const { id, attempts } of listed.recent) {
      const [{ endpoint, pick }] = attempts;
      expect(pick).to.match(
        new RegExp(
          `^3 endpoints were usable; ${endpoint} had the fewest requests in flight per weight \\(0/1\\), as did 2 others; it was chosen at random, by weight$`,
        ),
      );
      expect(await explained(proxy, id)).to.include(`picked because: ${pick}\n`);
    }
  });

  it('compares with the next best while requests are in flight', async () => {
    const replicas = [await greeter(), await greeter()];
    const proxy = await sidecar(greeterConfig(replicas, bare));
    const client = grpcClient(proxy.target());
    const stream = client.openBidi();
    stream.call.write({});
    await until(
      () => proxy.cluster().active === 1,
      () => 'the stream did not begin',
    );
    const busy = replicas.find(({ address }) => proxy.endpoint(address).active === 1)!;
    await client.sayHello('x');
    stream.call.cancel();
    await stream.result;
    const call = proxy.calls().find(({ path }) => path.endsWith('SayHello'))!;
    expect(String(call.attempts[0].pick)).to.match(
      new RegExp(
        `^2 endpoints were usable; \\S+ had the fewest .* \\(0/1, next best 1/1 at ${busy.address}\\)$`,
      ),
    );
  });

  it('is there for each attempt of a call that was attempted twice, and for a call that found no endpoint', async () => {
    const [bad, good] = [await greeter({ name: 'bad' }), await greeter({ name: 'good' })];
    bad.failure = { code: status.UNAVAILABLE, details: 'not now' };
    const config = greeterConfig([{ ...bad, weight: 1000, address: bad.address }, good], bare);
    const routes = [{ name: 'all', cluster: 'greeter', retry: { on: ['unavailable'], attempts: 2 } }];
    const proxy = await sidecar({ ...config, listeners: [{ name: 'in', listen: '127.0.0.1:0', routes }] });
    const client = grpcClient(proxy.target());
    await until(
      async () => {
        await client.sayHello('x');
        return proxy.calls().some(({ attempts }) => attempts.length === 2);
      },
      () => 'no call was tried twice',
    );
    const retried = proxy.calls().find(({ attempts }) => attempts.length === 2)!;
    const [first, second] = retried.attempts.map(({ pick }) => String(pick));
    expect(first).to.include(`; ${bad.address} had`);
    expect(second).to.equal(
      `2 endpoints were usable, 1 used by an earlier attempt; ${good.address} was the only choice (0/1)`,
    );
    for (const { address } of [bad, good])
      await fetch(`${proxy.adminUrl}/endpoints/${address}/drain`, { method: 'POST' });
    await client.sayHello('x').catch(() => {});
    const last = proxy.calls().at(-1)!;
    expect(last.attempts).to.deep.equal([]);
    const text = await explained(proxy, last.id);
    expect(text).to.include('No attempt: no endpoint was picked.');
    expect(text).to.include(`${bad.address} drained by hand; ${good.address} drained by hand`);
    await fetch(`${proxy.adminUrl}/endpoints/${good.address}/enable`, { method: 'POST' });
    await client.sayHello('x');
    expect(String(proxy.calls().at(-1)!.attempts[0].pick)).to.match(
      /^1 of 2 endpoints was usable \(drained by hand: 1\); \S+ was the only choice \(0\/1\)$/,
    );
  });

  it('says of an attempt that did no work whether it was retried', async () => {
    const gone = [await greeter(), await greeter()];
    for (const one of gone) await one.kill();
    for (const [replicas, verdicts] of [
      [
        gone,
        [
          'retried on another endpoint: the endpoint did not process the request',
          'not retried at once: no other endpoint was available',
        ],
      ],
      [gone.slice(1), ['not retried at once: no other endpoint was available']],
    ] as const) {
      const proxy = await sidecar(greeterConfig(replicas, bare));
      const { code } = await grpcClient(proxy.target()).sayHello('x');
      expect(code).to.equal(status.UNAVAILABLE);
      const call = proxy.calls().at(-1)!;
      expect(call.attempts.map(({ verdict }) => verdict)).to.deep.equal(verdicts);
      expect(await explained(proxy, call.id)).to.include(`     then: ${verdicts.at(-1)}\n`);
    }
  });

  it('says what the upstream said of its status, wherever a failed call is shown', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-e2e-'));
    defer(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'access.log');
    const collector = await startHttpCollector();
    defer(() => collector.close());
    const replica = await greeter();
    const traces = { sampler: 'always_on', otlp: { endpoint: collector.url } };
    const telemetry = { accessLog: { to: `file:${file}` }, traces };
    const proxy = await sidecar(greeterConfig([replica], bare, { telemetry }));
    const client = grpcClient(proxy.target());
    replica.failure = { code: status.INTERNAL, details: `für Ada: \u001b[2J\n${'x'.repeat(5000)}` };
    await client.sayHello('x').catch(() => {});
    const [call] = proxy.calls();
    const said = String(call.attempts[0].message);
    expect(said).to.match(/^für Ada: \\u001b\[2J\\nx{450,512}…$/);
    expect(await explained(proxy, call.id)).to.include(`     message: ${said}\n`);
    const page = (await (await fetch(`${proxy.adminUrl}/live.json`)).json()) as {
      calls: Array<{ reason: string }>;
    };
    expect(page.calls[0].reason).to.include('answered INTERNAL: "für Ada: \\u001b[2J\\nxxx');
    const listed = await (await fetch(`${proxy.adminUrl}/traces?format=json`)).text();
    expect(listed).to.include(JSON.stringify(said).slice(1, -1));
    expect(await get(`${proxy.adminUrl}/traces`)).to.include('answered INTERNAL: "für Ada');
    await proxy.stop();
    await until(
      () => readFileSync(file, 'utf8').endsWith('\n'),
      () => 'no line in the access log',
    );
    expect(JSON.parse(readFileSync(file, 'utf8'))).to.include({ message: said, status: 'INTERNAL' });
    expect(collector.spans.map(({ statusCode, statusMessage }) => [statusCode, statusMessage])).to.deep.equal(
      [
        [2, said],
        [2, said],
      ],
    );
  });

  it('says the reason phrase of an HTTP/1.1 error where it is not the usual one, of a declined WebSocket too', async () => {
    const server = createHttpServer((_request, reply) => reply.writeHead(503, 'Shard 7 is moving').end());
    server.on('upgrade', (_request, socket) => {
      socket.end('HTTP/1.1 403 No chat today\r\ncontent-length: 0\r\n\r\n');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    defer(() => server.close());
    const { port } = server.address() as AddressInfo;
    const proxy = await sidecar(
      greeterConfig([{ address: `127.0.0.1:${port}` }], { ...bare, protocol: 'http1' }),
    );
    await get(`http://${proxy.target()}/x`);
    const socket = new WebSocket(`ws://${proxy.target()}/chat`);
    await new Promise((resolve) => socket.addEventListener('error', resolve, { once: true }));
    await until(
      () => proxy.calls().length === 2,
      () => 'the WebSocket was not remembered',
    );
    const said = proxy
      .calls()
      .map(({ attempts: [{ httpStatus, message }] }) => [httpStatus, String(message)]);
    expect(said).to.deep.equal([
      [503, 'Shard 7 is moving'],
      [403, 'No chat today'],
    ]);
    expect(await explained(proxy, proxy.calls()[0].id)).to.include(
      `127.0.0.1:${port} answered HTTP 503: "Shard 7 is moving".`,
    );
  });

  it('finds a call by the id in its error reply, and says which route took it, what to change and who has processed it', async () => {
    const replica = await greeter();
    const config = greeterConfig([replica], bare);
    const routes = [
      {
        name: 'vip',
        match: { headers: [{ name: 'authorization', exact: 'Bearer s3cret' }] },
        cluster: 'greeter',
      },
      { name: 'all', match: { grpc: { service: 'helloworld.Greeter' } }, cluster: 'greeter' },
    ];
    const proxy = await sidecar({ ...config, listeners: [{ name: 'in', listen: '127.0.0.1:0', routes }] });
    const client = grpcClient(proxy.target());
    await replica.kill();
    const { details } = await client.sayHello('x');
    const [, reference] = /\(call (\w{4}-\w{8})\)$/.exec(details)!;
    const [call] = proxy.calls();
    const found = await explainJson(proxy, reference);
    expect([found.id, found.explanation.reference]).to.deep.equal([call.id, reference]);
    const { routing, processed, attempts, advice, endedBy } = found.explanation;
    expect(routing.steps).to.deep.equal([
      { route: 'vip', matched: false, reasons: ['no header authorization is •••'] },
      { route: 'all', matched: true, reasons: ['it is a call of the gRPC service helloworld.Greeter'] },
    ]);
    expect(processed.answer).to.equal('no');
    expect(endedBy).to.deep.equal({ who: 'outrigger', text: 'Outrigger (connect_failed)' });
    expect(attempts[0].pick.candidates).to.deep.equal([
      {
        address: replica.address,
        active: 0,
        weight: 1,
        zone: '',
        priority: 0,
        health: 'healthy',
        unusable: '',
      },
    ]);
    expect(advice[0]).to.include(`Check that a server listens on ${replica.address}`);
    const text = await get(`${proxy.adminUrl}/explain/${reference}`);
    expect(text).to.include(`  error id    ${reference}\n`).and.not.to.include('s3cret');
    const http = await fetch(`http://${proxy.target()}/nowhere`);
    const id = http.headers.get('x-outrigger-call')!;
    expect(await http.text()).to.include(`[no_route] (call ${id})`);
    expect((await explainJson(proxy, id)).explanation.routing.route).to.equal('');
  });

  it('is there for a call in flight, with the loads of all endpoints at its pick, and by its trace', async () => {
    const replicas = [await greeter(), await greeter()];
    const proxy = await sidecar(greeterConfig(replicas, bare));
    const client = grpcClient(proxy.target());
    const streams: Array<ReturnType<typeof client.openBidi>> = [];
    for (const count of [1, 2, 3]) {
      const stream = client.openBidi();
      streams.push(stream);
      stream.call.write({});
      await until(
        () => proxy.cluster().active === count,
        () => 'a stream did not begin',
      );
    }
    const listed = (await (await fetch(`${proxy.adminUrl}/traces?format=json`)).json()) as {
      inFlight: Array<{ id: number; endedMs: number }>;
    };
    expect(listed.inFlight.map(({ endedMs }) => endedMs)).to.deep.equal([0, 0, 0]);
    const ids = listed.inFlight.map(({ id }) => id);
    expect(ids).to.deep.equal(ids.toSorted((a, b) => a - b));
    expect(await get(`${proxy.adminUrl}/traces`)).to.match(/^Requests in flight\n/);
    const last = await explainJson(proxy, ids[2]);
    expect(last.explanation).to.include({ inFlight: true });
    expect(last.explanation.attempts[0].pick.candidates.map(({ active }) => active)).to.deep.equal([1, 1]);
    expect(await explained(proxy, ids[2])).to.match(/^Call \d+: \S+ is in flight, for /);
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    await client.sayHello('x', { metadata: [['traceparent', `00-${traceId}-00f067aa0ba902b7-01`]] });
    expect((await explainJson(proxy, traceId)).id).to.equal(proxy.calls().at(-1)!.id);
    for (const { call, result } of streams) {
      call.resume();
      call.cancel();
      await result;
    }
    await until(
      () => proxy.cluster().active === 0,
      () => 'a stream did not end',
    );
    expect((await explainJson(proxy, ids[0])).explanation).to.include({ inFlight: false });
  });

  it('may have been processed where the endpoint is lost behind its request', async () => {
    const replica = await greeter({ delayMs: 60_000 });
    const proxy = await sidecar(greeterConfig([replica], bare));
    const result = grpcClient(proxy.target()).sayHello('x');
    await until(
      () => replica.calls > 0,
      () => 'the replica got no call',
    );
    await replica.kill();
    await result;
    const { explanation } = await explainJson(proxy, proxy.calls()[0].id);
    expect([explanation.processed.answer, explanation.attempts[0].processed]).to.deep.equal([
      'maybe',
      'maybe',
    ]);
  });

  it('outlasts any number of later calls, for the calls that the page or /traces has shown', async () => {
    const replica = await greeter();
    const proxy = await sidecar(greeterConfig([replica], bare));
    const client = grpcClient(proxy.target());
    const fail = async (code: number, times: number): Promise<void> => {
      replica.failure = { code, details: 'no greeting' };
      const one = () => client.sayHello('x').catch(() => {});
      for (let left = times; left > 0; left -= 32)
        await Promise.all(Array.from({ length: Math.min(left, 32) }, one));
    };
    const statusOf = async (id: number): Promise<number> =>
      (await fetch(`${proxy.adminUrl}/explain/${id}`)).status;
    await fail(status.INTERNAL, 1);
    await fetch(`${proxy.adminUrl}/live.json`);
    const onPage = proxy.calls()[0].id;
    await fail(status.NOT_FOUND, 1);
    await fetch(`${proxy.adminUrl}/traces`);
    const listed = proxy.calls()[1].id;
    await fail(status.NOT_FOUND, recentCallsMax);
    await fail(status.INTERNAL, failedCallsMax);
    await fail(status.NOT_FOUND, clientErrorCallsMax);
    expect(proxy.calls().some(({ id }) => id <= listed + 1)).to.equal(false);
    expect([await statusOf(onPage), await statusOf(listed), await statusOf(listed + 1)]).to.deep.equal([
      200, 200, 410,
    ]);
  });

  it('is there for a TCP connection, and for one that found no server', async () => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.pipe(socket);
      socket.on('error', () => {});
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    defer(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const proxy = await sidecar({
      listeners: [{ name: 'raw', listen: '127.0.0.1:0', protocol: 'tcp', cluster: 'raw' }],
      clusters: [
        { name: 'raw', protocol: 'tcp', endpoints: [{ address: `127.0.0.1:${port}` }], health: 'none' },
      ],
    });
    const say = async (): Promise<void> => {
      const [host, own] = proxy.target().split(':');
      const socket = tcpConnect(Number(own), host);
      socket.on('error', () => {});
      socket.end('hello');
      socket.resume();
      await new Promise((resolve) => socket.on('close', resolve));
    };
    await say();
    await until(
      () => proxy.calls().length === 1,
      () => 'the connection was not remembered',
    );
    const [call] = proxy.calls();
    expect(call).to.include({ tcp: true, error: '', requestBytes: 5, responseBytes: 5, cluster: 'raw' });
    const text = await explained(proxy, call.id);
    expect(text).to.match(/^Call \d+: TCP connection ended closed after /);
    expect(text).to.include(
      `picked because: 1 endpoint was usable; 127.0.0.1:${port} was the only choice (0/1)\n`,
    );
    const metrics = await get(`${proxy.adminUrl}/metrics`);
    expect(metrics).not.to.match(/^http_server_request_duration_seconds_count/m);
    await fetch(`${proxy.adminUrl}/endpoints/127.0.0.1:${port}/drain`, { method: 'POST' });
    await say();
    await until(
      () => proxy.calls().length === 2,
      () => 'the failed connection was not remembered',
    );
    const failed = (await (await fetch(`${proxy.adminUrl}/traces?format=json`)).json()) as {
      failed: Array<{ error: string; detail: string }>;
    };
    expect(failed.failed).to.have.length(1);
    expect(failed.failed[0].detail).to.equal(
      `cluster raw has no usable endpoint: 127.0.0.1:${port} drained by hand`,
    );
  });
});
