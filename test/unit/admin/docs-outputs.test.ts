import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { RouteSnapshot } from '../../../src/admin/deps.ts';
import { adminRoutes } from '../../../src/admin/routes.ts';
import { routesText } from '../../../src/admin/text-pages.ts';
import { noEndpointError } from '../../../src/call/call-errors.ts';
import { problemLines } from '../../../src/cli/validate.ts';
import { GrpcStatus } from '../../../src/core/grpc-status.ts';
import { replyErrors, replySentence } from '../../../src/core/reply-error.ts';
import { shareText } from '../../../src/policies/split/share-text.ts';
import type { AppState } from '../../../src/runtime/parts.ts';
import { clusterUsability, readinessOf } from '../../../src/runtime/readiness.ts';
import { clusterSnapshot } from '../../../src/runtime/snapshots.ts';
import { loadText } from '../config/support.ts';
import { clusterRig, spec } from '../upstream/cluster-rig.ts';

const readme = readFileSync('README.md', 'utf8');
const admin = readFileSync('docs/admin.md', 'utf8');

/** The blocks of one language of a page; '' for those that name none. */
const blocksOf = (page: string, language: string): string[] =>
  [...page.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter(([, of]) => of === language)
    .map(([, , text]) => text);

/** A cluster `greeter` none of whose endpoints answers its probes. */
function unhealthy(...addresses: string[]) {
  const { cluster, publish, watches } = clusterRig({ watched: true, settings: { name: 'greeter' } });
  publish(addresses.map((address) => spec(address)));
  for (const watch of watches.values()) watch.says('unhealthy', 'connection refused');
  return cluster;
}

describe('README.md', () => {
  it('shows what validate prints of its own example, with a port left out', () => {
    const example = blocksOf(readme, 'yaml').find((text) => text.includes('127.0.0.1:8081'))!;
    const { problems = [] } = loadText(example.replace('127.0.0.1:8081', '127.0.0.1'));
    const shown = problemLines(problems, []).replace('f.yaml', 'my.yaml');
    expect(blocksOf(readme, '')).to.include(shown);
  });

  it('shows the error of a cluster without a usable endpoint', () => {
    const error = noEndpointError(unhealthy('127.0.0.1:50051'));
    expect(replyErrors[error.code].grpcStatus).to.equal(GrpcStatus.UNAVAILABLE);
    const blocks = blocksOf(readme, '').map((text) => text.replaceAll('\n', ' ').trim());
    expect(blocks).to.include(`UNAVAILABLE: ${replySentence(error, '7f3a-1c09d2e4')}`);
  });
});

describe('docs/admin.md', () => {
  it('shows /ready in JSON as the code makes it, with long reasons shortened', () => {
    const cluster = unhealthy('10.0.0.1:50051', '10.0.0.2:50051');
    const parts = {
      deps: {},
      lifecycle: { state: 'ready', progress: null },
      inboundDrain: { phase: null },
      running: {
        config: { listeners: [{ routes: [{ cluster: 'greeter' }] }] },
        clusters: new Map([['greeter', { cluster }]]),
      },
    } as unknown as AppState;
    // It was ready once, and lost its endpoints since.
    parts.wasReady = true;
    const answer = { ...readinessOf(parts), state: 'ready', clusters: clusterUsability(parts) };
    const shortened = JSON.parse(blocksOf(admin, 'json')[0], (_key, value) =>
      typeof value === 'string' ? value.replace(/ ?\(?…\)?$/, '') : value,
    );
    const cut = (text: string, as: string): string => (as !== '' && text.startsWith(as) ? as : text);
    const [degraded] = answer.degradedReasons;
    expect({
      ...answer,
      degradedReasons: [cut(degraded, shortened.degradedReasons[0])],
      clusters: answer.clusters.map((one) => ({
        ...one,
        reason: cut(one.reason, shortened.clusters[0].reason),
      })),
    }).to.deep.equal(shortened);
  });

  it('shows /routes as the code makes it, and so does split.md', () => {
    const routeOf = (route: string, replacedBy: string, names: readonly string[] = []): RouteSnapshot => ({
      ...{ listener: 'outbound', route, cluster: replacedBy === '' ? route : '', replacedBy },
      ...{ match: '', policies: [] },
      facts: names.map((name, i) => ({
        policy: 'split',
        name,
        text: i === 0 ? shareText(1204, 1265, 0.95) : shareText(61, 1265, 0.05),
      })),
    });
    const tcp = { ...routeOf('', ''), listener: 'postgres', cluster: 'postgres' };
    const routes = [
      routeOf('greeter', ''),
      routeOf('orders', 'split', ['stable', 'canary']),
      routeOf('maintenance', 'respond'),
      tcp,
    ];
    const asked = '$ curl 127.0.0.1:15000/routes\n';
    expect(blocksOf(admin, '')).to.include(asked + routesText(routes));
    const split = readFileSync('docs/policies/split.md', 'utf8');
    const canary = [routeOf('orders', 'split', ['orders-stable', 'orders-canary'])];
    expect(blocksOf(split, '')).to.include(asked + routesText(canary));
  });

  it('describes each key that an endpoint has in JSON, and no other', () => {
    const { cluster, publish } = clusterRig();
    publish([spec('10.0.0.1:50051')]);
    const [endpoint] = clusterSnapshot(cluster, 0).endpoints;
    const table = admin
      .split('In JSON, each endpoint has these keys:')[1]
      .split('\n## ')[0]
      .split('\n### ')[0];
    const rows = [...table.matchAll(/^\| (`.*?) \|/gm)].map(([, keys]) => keys);
    const described = rows.flatMap((keys) => keys.split(', ').map((key) => key.replaceAll('`', '')));
    expect(described).to.have.members(Object.keys(endpoint));
  });

  it('names each request of the admin API, and no other', () => {
    const rows = admin.split('| request | what it does |')[1].split('\n\n')[0];
    const named = [...rows.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell]) => {
      const [first, ...others] = cell.replaceAll('`', '').split(', ');
      const [method, path] = first.replace(/\?.*/, '').split(' ');
      const paths = [path, ...others.map((other) => other.replace('…', path.replace(/\/[^/]*$/, '')))];
      return paths.map((one) => `${method} ${one.replace(/ID|ADDRESS|VIEW/, '{}')}`);
    });
    expect(named).to.have.members(adminRoutes.map(({ method, path }) => `${method} ${path}`));
  });
});
