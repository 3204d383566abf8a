import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { startHttpCollector } from '../integration/telemetry-collector.ts';
import { connectRaw, grpcHead } from '../support/raw-http2.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

describe('secrets in the URLs of requests', () => {
  const { greeter, sidecar, defer } = rig();

  /** Two routes, so that some requests have none, everything that shows calls, and what the replica got. */
  async function started(telemetry: Record<string, unknown> = {}) {
    const seen: string[] = [];
    const server = createServer((request, response) => {
      seen.push(request.url ?? '');
      response.end('fine');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    defer(() => {
      server.closeAllConnections();
      server.close();
    });
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-redaction-'));
    defer(() => rmSync(folder, { recursive: true }));
    const collector = await startHttpCollector();
    defer(() => collector.close());
    const log = join(folder, 'access.log');
    const replica = await greeter();
    const proxy = await sidecar({
      listeners: [
        {
          name: 'in',
          listen: '127.0.0.1:0',
          routes: [
            { name: 'web', match: { pathPrefix: '/web' }, cluster: 'web' },
            { name: 'rpc', match: { pathPrefix: '/helloworld.Greeter/' }, cluster: 'rpc' },
          ],
        },
      ],
      clusters: [
        {
          name: 'web',
          protocol: 'http1',
          endpoints: [{ address: `127.0.0.1:${(server.address() as AddressInfo).port}` }],
        },
        { name: 'rpc', endpoints: [{ address: replica.address }] },
      ],
      telemetry: {
        accessLog: { to: `file:${log}` },
        traces: { sampler: 'always_on', otlp: { endpoint: collector.url } },
        ...telemetry,
      },
    });
    const ask = async (path: string): Promise<string> => {
      const request = get(`http://${proxy.target()}${path}`, { agent: false });
      const [reply] = (await once(request, 'response')) as [IncomingMessage];
      let body = '';
      for await (const chunk of reply) body += chunk;
      return body;
    };
    /** All that is shown of the calls so far, spans included: the sidecar is stopped for them. */
    const shown = async (calls: number): Promise<string> => {
      await until(
        () => proxy.calls().length === calls,
        () => `${proxy.calls().length} calls have ended`,
      );
      const paths = ['/traces', '/traces?format=json', '/live.json', '/metrics'];
      const ids = proxy.calls().map(({ id }) => `/explain/${id}`);
      const json = ids.map((path) => `${path}?format=json`);
      const pages = [...paths, ...ids, ...json].map(async (path) =>
        (await fetch(proxy.adminUrl + path)).text(),
      );
      const texts = await Promise.all(pages);
      await proxy.stop();
      const spans = JSON.stringify(collector.spans, (_, value) =>
        typeof value === 'bigint' ? String(value) : value,
      );
      return [...texts, ...proxy.log, readFileSync(log, 'utf8'), spans].join('\n');
    };
    return { proxy, ask, shown, seen, collector };
  }

  it('are shown nowhere by default, and reach the replica as they came', async () => {
    const { proxy, ask, shown, seen, collector } = await started();
    const secret = '/web?id=7&access_token=hunter2&sig=hunter2';
    expect(await ask(secret)).to.equal('fine');
    expect(await ask('/nowhere?password=hunter2')).to.match(
      /no route matches GET .*\/nowhere\?password=REDACTED/,
    );
    const raw = connectRaw(proxy.target());
    defer(() => raw.close());
    const { headers } = await raw.request(grpcHead('/no.Such/Method?token=hunter2'));
    expect(headers['grpc-message']).to.include('/no.Such/Method?token=REDACTED');
    const text = await shown(3);
    expect(text).not.to.include('hunter2');
    expect(text).to.include('/web?id=7&access_token=REDACTED&sig=REDACTED');
    expect(seen).to.deep.equal([secret]);
    const server = collector.spans.find(({ attributes }) => attributes['url.query'] !== undefined);
    expect(server?.attributes).to.include({
      'url.path': '/web',
      'url.query': 'id=7&access_token=REDACTED&sig=REDACTED',
    });
  });

  it('are those of a list of your own, and an empty list shows everything', async () => {
    const own = await started({ redactQuery: ['card'] });
    await own.ask('/web?card=hunter2&token=visible');
    const text = await own.shown(1);
    expect(text).not.to.include('hunter2');
    expect(text).to.include('token=visible');
    const none = await started({ redactQuery: [] });
    await none.ask('/web?card=hunter2&token=hunter2');
    expect(await none.shown(1)).to.include('card=hunter2&token=hunter2');
  });
});
