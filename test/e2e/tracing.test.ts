import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { startGrpcCollector, startHttpCollector } from '../integration/telemetry-collector.ts';
import { startFrameServer, Type } from '../support/frame-peer.ts';
import { connectRaw, grpcHead, startRawServer } from '../support/raw-http2.ts';
import { greeterConfig, type Sidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const parentId = 'b7ad6b7169203331';
const traceparent = `00-${traceId}-${parentId}-01`;

describe('a trace goes through', () => {
  const { sidecar, defer } = rig();

  /** A server that keeps the headers it saw. */
  async function upstream() {
    const seen: Array<Record<string, unknown>> = [];
    const server = await startRawServer((stream, headers) => {
      seen.push(headers);
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '0' },
        { endStream: true },
      );
    });
    defer(() => server.close());
    return { server, seen };
  }
  async function ask(proxy: Sidecar, headers: Record<string, string> = {}): Promise<void> {
    const client = connectRaw(proxy.target());
    defer(() => client.close());
    const reply = await client.request(grpcHead('/orders.Orders/Get', headers));
    expect(reply.headers['grpc-status']).to.equal('0');
  }
  const traced = (endpoint: string, protocol: string, sampler = 'parentbased_always_on') => ({
    telemetry: { serviceName: 'orders-sidecar', traces: { sampler, otlp: { endpoint, protocol } } },
  });

  it('untouched where nothing is exported: no header is added to a call that has none', async () => {
    const { server, seen } = await upstream();
    const proxy = await sidecar(greeterConfig([server], { health: 'none' }));
    await ask(proxy, { traceparent, tracestate: 'vendor=1', baggage: 'user=ada', 'x-request-id': 'r-1' });
    expect(seen[0]).to.include({
      traceparent,
      tracestate: 'vendor=1',
      baggage: 'user=ada',
      'x-request-id': 'r-1',
    });
    await ask(proxy);
    expect(
      Object.keys(seen[1]).filter((name) => /^(trace|b3|x-b3|uber|baggage|x-req)/.test(name)),
    ).to.deep.equal([]);
    expect(proxy.calls().map((record) => String(record.traceId))).to.deep.equal([traceId, '']);
  });

  it('untouched where nothing is exported, malformed, doubled and oversized contexts too', async () => {
    const { server, seen } = await upstream();
    const proxy = await sidecar(greeterConfig([server], { health: 'none' }));
    const tracestate = Array.from({ length: 60 }, (_, i) => `vendor${i}=value`).join(',');
    const contexts: Array<Record<string, string | string[]>> = [
      { traceparent: 'nonsense', tracestate },
      { traceparent: [traceparent, `00-${traceId}-${parentId}-00`], tracestate: ['b=2', 'a=1'] },
      { b3: `${traceId}-${parentId}-d`, 'x-b3-flags': '1', 'uber-trace-id': 'a:b:0:1' },
      { tracestate: 'alone=1' },
    ];
    for (const context of contexts) await ask(proxy, context as Record<string, string>);
    for (const [i, context] of contexts.entries())
      for (const [name, value] of Object.entries(context))
        expect(seen[i][name], name).to.equal([value].flat().join(', '));
    expect(proxy.calls().map((record) => String(record.traceId))).to.deep.equal(['', '', '', '']);
  });

  for (const [how, more] of [
    ['OTEL_SDK_DISABLED=true', { OTEL_SDK_DISABLED: 'true' }],
    ['OTEL_TRACES_EXPORTER=none', { OTEL_TRACES_EXPORTER: 'none' }],
  ] as const) {
    it(`untouched with ${how}, though a collector is configured`, async () => {
      const collector = await startHttpCollector();
      defer(() => collector.close());
      const { server, seen } = await upstream();
      const config = greeterConfig(
        [server],
        { health: 'none' },
        traced(collector.url, 'http/protobuf', 'always_on'),
      );
      const proxy = await sidecar(config, { env: more });
      await ask(proxy);
      await ask(proxy, { traceparent });
      await proxy.stop();
      expect(seen.map((headers) => headers.traceparent)).to.deep.equal([undefined, traceparent]);
      expect(collector.spans).to.deep.equal([]);
    });
  }

  it('over HTTP/1.1 as over HTTP/2, both ends: untouched when off, a CLIENT span for its parent when on', async () => {
    const seen: IncomingHttpHeaders[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers);
      response.end('ok');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    defer(() => server.close());
    const { port } = server.address() as AddressInfo;
    const collector = await startHttpCollector();
    defer(() => collector.close());
    const off = await sidecar(
      greeterConfig([{ address: `127.0.0.1:${port}` }], { health: 'none', protocol: 'http1' }),
    );
    const on = await sidecar(
      greeterConfig(
        [{ address: `127.0.0.1:${port}` }],
        { health: 'none', protocol: 'http1' },
        traced(collector.url, 'http/protobuf'),
      ),
    );
    for (const [proxy, headers] of [
      [off, {}],
      [off, { traceparent, tracestate: 'vendor=1' }],
      [on, { traceparent, tracestate: 'vendor=1' }],
    ] as const)
      await (await fetch(`http://${proxy.target()}/web`, { headers })).text();
    await on.stop();
    expect(seen[0]).to.not.have.any.keys('traceparent', 'tracestate');
    expect(seen[1]).to.include({ traceparent, tracestate: 'vendor=1' });
    const client = collector.spans.find(({ kind }) => kind === 3)!;
    expect(seen[2]).to.include({ traceparent: `00-${traceId}-${client.spanId}-01`, tracestate: 'vendor=1' });
  });

  it('in trailers a traceparent is a trailer like any other', async () => {
    const trailers: unknown[] = [];
    const server = await startRawServer((stream, headers) => {
      stream.on('trailers', (got) => trailers.push([got.traceparent, headers.traceparent]));
      stream.on('end', () =>
        stream.respond(
          { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '0' },
          { endStream: true },
        ),
      );
      stream.resume();
    });
    defer(() => server.close());
    const proxy = await sidecar(greeterConfig([server], { health: 'none' }));
    const client = connectRaw(proxy.target());
    defer(() => client.close());
    await client.request(grpcHead('/orders.Orders/Get'), Buffer.from('abc'), { traceparent });
    expect(trailers).to.deep.equal([[traceparent, undefined]]);
    expect(String(proxy.calls()[0].traceId)).to.equal('');
  });

  for (const [protocol, start] of [
    ['grpc', startGrpcCollector],
    ['http/protobuf', startHttpCollector],
  ] as const) {
    it(`with an OTLP collector over ${protocol}: the upstream is a child of our CLIENT span, that of the SERVER span`, async () => {
      const collector = await start();
      defer(() => collector.close());
      const { server, seen } = await upstream();
      const proxy = await sidecar(
        greeterConfig([server], { health: 'none' }, traced(collector.url, protocol)),
      );
      await ask(proxy, { traceparent, tracestate: 'vendor=1', baggage: 'user=ada' });
      await proxy.stop(); // sends what is left
      expect(collector.spans).to.have.length(2);
      const serverSpan = collector.spans.find(({ kind }) => kind === 2)!;
      const clientSpan = collector.spans.find(({ kind }) => kind === 3)!;
      for (const span of collector.spans) expect(span.traceId).to.equal(traceId);
      expect(serverSpan.parentSpanId).to.equal(parentId);
      expect(clientSpan.parentSpanId).to.equal(serverSpan.spanId);
      expect(seen[0]).to.include({
        traceparent: `00-${traceId}-${clientSpan.spanId}-01`,
        tracestate: 'vendor=1',
        baggage: 'user=ada',
      });
      expect(clientSpan.attributes).to.include({
        'rpc.method': 'orders.Orders/Get',
        'rpc.status_code': 'OK',
        'outrigger.cluster': 'greeter',
        'outrigger.attempt': 1,
      });
      expect(clientSpan.attributes['outrigger.pick']).to.be.a('string').and.not.equal('');
      expect(collector.resource['service.name']).to.equal('orders-sidecar');
    });
  }

  it('a call attempted twice has a CLIENT span for each attempt', async () => {
    const collector = await startHttpCollector();
    defer(() => collector.close());
    const refuser = await startFrameServer((peer, frame) => {
      if (frame.type === Type.Headers) peer.rst(frame.streamId, 7);
    });
    defer(() => refuser.close());
    const { server } = await upstream();
    const endpoints = [{ address: refuser.address, weight: 100_000 }, server];
    const proxy = await sidecar(
      greeterConfig(endpoints, { health: 'none' }, traced(collector.url, 'http/protobuf')),
    );
    await ask(proxy, { traceparent });
    await proxy.stop();
    const clients = collector.spans.filter(({ kind }) => kind === 3);
    expect(clients.map((span) => span.attributes['outrigger.attempt']).sort()).to.deep.equal([1, 2]);
    expect(new Set(clients.map((span) => span.parentSpanId)).size).to.equal(1);
  });

  it('what the client did not sample is not exported, and still has a context', async () => {
    const collector = await startHttpCollector();
    defer(() => collector.close());
    const { server, seen } = await upstream();
    const proxy = await sidecar(
      greeterConfig([server], { health: 'none' }, traced(collector.url, 'http/protobuf')),
    );
    await ask(proxy, { traceparent: `00-${traceId}-${parentId}-00` });
    await proxy.stop();
    expect(collector.spans).to.deep.equal([]);
    expect(seen[0].traceparent).to.match(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
  });

  it('a collector that is down disturbs no call', async () => {
    const { server } = await upstream();
    const proxy = await sidecar(
      greeterConfig([server], { health: 'none' }, traced('http://127.0.0.1:9', 'http/protobuf')),
    );
    for (let i = 0; i < 5; i++) await ask(proxy, { traceparent });
    await proxy.stop();
  });

  it('metrics and the access log show the same call', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-e2e-'));
    defer(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'access.log');
    const { server } = await upstream();
    const proxy = await sidecar(
      greeterConfig([server], { health: 'none' }, { telemetry: { accessLog: { to: `file:${file}` } } }),
    );
    await ask(proxy, { traceparent });
    const metrics = await (await fetch(`${proxy.adminUrl}/metrics`)).text();
    expect(metrics).to.match(
      /rpc_server_call_duration_seconds_count\{[^}]*rpc_method="orders\.Orders\/Get"[^}]*\} 1\n/,
    );
    expect(metrics).to.match(/rpc_client_call_duration_seconds_count\{[^}]*rpc_status_code="OK"[^}]*\} 1\n/);
    await proxy.stop();
    await until(
      () => readFileSync(file, 'utf8').endsWith('\n'),
      () => 'no line in the access log',
    );
    const [line] = readFileSync(file, 'utf8').trim().split('\n');
    expect(line).to.contain(traceId).and.contain('orders.Orders/Get').and.contain(server.address);
  });
});
