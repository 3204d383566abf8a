import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { startHttpCollector } from '../integration/telemetry-collector.ts';
import { rig } from './rig.ts';

const context = (traceId: string, flags: '00' | '01') => `00-${traceId}-b7ad6b7169203331-${flags}`;
const traceIds = ['1af7651916cd43dd8448eb211c80319c', '2af7651916cd43dd8448eb211c80319c'];

describe('sampling of a route', () => {
  const { greeter, sidecar, client, defer } = rig();

  it('replaces the ratio of the process; a client that decided still decides', async () => {
    const replica = await greeter();
    const collector = await startHttpCollector();
    defer(() => collector.close());
    const seen: Array<string | undefined> = [];
    const web = createServer((request, response) => {
      seen.push(request.headers.traceparent as string | undefined);
      response.end();
    });
    web.listen(0, '127.0.0.1');
    await once(web, 'listening');
    defer(() => {
      web.closeAllConnections();
      return new Promise((resolve) => web.close(resolve));
    });
    const otlp = { endpoint: collector.url, protocol: 'http/protobuf' };
    const proxy = await sidecar({
      telemetry: { traces: { sampler: 'parentbased_traceidratio', ratio: 0, otlp } },
      listeners: [
        {
          name: 'in',
          listen: '127.0.0.1:0',
          routes: [
            { name: 'none', match: { pathPrefix: '/none' }, cluster: 'web', sampling: 'none' },
            { name: 'all', match: { pathPrefix: '/all' }, cluster: 'web', sampling: { ratio: 1 } },
            { name: 'grpc', match: { grpc: {} }, cluster: 'greeter', sampling: { ratio: 1 } },
            { name: 'rest', cluster: 'web' },
          ],
        },
      ],
      clusters: [
        { name: 'greeter', endpoints: [{ address: replica.address }] },
        {
          name: 'web',
          protocol: 'http1',
          endpoints: [{ address: `127.0.0.1:${(web.address() as AddressInfo).port}` }],
          health: 'none',
        },
      ],
    });
    const get = async (path: string, traceparent?: string): Promise<void> => {
      const headers = { connection: 'close', ...(traceparent === undefined ? {} : { traceparent }) };
      await (await fetch(`http://${proxy.target()}${path}`, { headers })).text();
    };
    await get('/none');
    await get('/none', context(traceIds[0], '01'));
    await get('/all');
    await get('/all', context(traceIds[1], '00'));
    await get('/rest');
    expect((await client(proxy.target()).sayHello('x')).code).to.equal(0);
    await proxy.stop(); // sends what is left
    const servers = collector.spans.filter(({ kind }) => kind === 2);
    expect(servers.map(({ attributes }) => attributes['outrigger.route']).sort()).to.deep.equal([
      'all',
      'grpc',
      'none',
    ]);
    expect(servers.map(({ traceId }) => traceId))
      .to.include(traceIds[0])
      .and.not.to.include(traceIds[1]);
    expect(seen.map((traceparent) => traceparent?.slice(-2))).to.deep.equal(['00', '01', '01', '00', '00']);
  });
});
