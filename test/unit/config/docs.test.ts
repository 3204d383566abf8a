import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse, stringify } from 'yaml';
import { table } from '../../../src/config/table.ts';
import type { Shape } from '../../../src/schema/shape.ts';
import { newAuthority } from '../../support/certificates.ts';
import { problemsOf, warningsOf } from './support.ts';

const root = join(import.meta.dirname, '../../..');
/** The pages of route policies have a test of their own (test/unit/policies/docs.test.ts). */
const guide = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).filter(
  (name) => name.endsWith('.md') && !name.startsWith('policies/'),
);
const pages = ['README.md', ...guide.sort().map((name) => `docs/${name}`)];

const keysOf = (shape: Shape): Record<string, Shape> => (shape.kind === 'section' ? shape.keys : {});
const itemOf = (shape: Shape): Shape => (shape.kind === 'list' ? shape.item : shape);

const top = keysOf(table);
const clusterKeys = keysOf(itemOf(top.clusters));
const listenerKeys = keysOf(itemOf(top.listeners));
const routeKeys = keysOf(itemOf(listenerKeys.routes));

const cluster = {
  name: 'greeter',
  endpoints: [{ address: '127.0.0.1:50051' }, { address: '127.0.0.1:50052' }],
};
const pem = newAuthority();
const listener = { name: 'in', listen: '127.0.0.1:15001', routes: [{ name: 'all', cluster: 'greeter' }] };

/** Returns a whole configuration with the example in its place. An example with an unknown key goes to the top level. */
function wholeOf(example: object): object {
  if (Array.isArray(example)) return withClusters({ listeners: [{ ...listener, routes: example }] });
  const isPartOf = (keys: Record<string, Shape>): boolean => Object.keys(example).every((key) => key in keys);
  if (isPartOf(clusterKeys))
    return { listeners: [listener], clusters: [{ ...cluster, ...withEndpoints(example) }] };
  if (isPartOf(routeKeys))
    return {
      listeners: [{ ...listener, routes: [{ ...listener.routes[0], ...example }] }],
      clusters: [cluster],
    };
  if (isPartOf(listenerKeys)) return withClusters({ listeners: [{ ...listener, ...example }] });
  return withClusters({ listeners: [{ ...listener, routes: routesTo(example) }], ...example });
}

/** A cluster has endpoints or discovery, never both. */
function withEndpoints(example: object): object {
  return 'discovery' in example ? { endpoints: undefined, ...example } : example;
}

/** Returns a route to each cluster of the example, so that none is unused. */
function routesTo({ clusters = [cluster] }: { clusters?: readonly { name: string }[] }): object[] {
  return clusters.map(({ name }) => ({ name, cluster: name, match: { pathPrefix: `/${name}` } }));
}

/** Returns the files that the example names, with contents for each key. */
function filesOf(yaml: string): Record<string, string> {
  const paths = [...yaml.matchAll(/[\w/.-]+\.(?:crt|pem|key)\b|\/[\w/.-]+\/token\b/g)].map(([path]) => path);
  const contents = (path: string): string =>
    path.endsWith('token') ? '0123456789abcdef'.repeat(4) : path.endsWith('.key') ? pem.key : pem.cert;
  return Object.fromEntries(paths.map((path) => [path, contents(path)]));
}

/** Adds the clusters that the routes name, where the example has none. */
function withClusters(config: { listeners: readonly object[]; clusters?: readonly object[] }): object {
  const named = [...JSON.stringify(config.listeners).matchAll(/"cluster":"([^"]+)"/g)].map(
    ([, name]) => name,
  );
  const present = new Set((config.clusters ?? []).map((item) => (item as { name: string }).name));
  const missing = [...new Set(named)].filter((name) => !present.has(name));
  const added = missing.map((name, i) => ({ name, endpoints: [{ address: `127.0.0.1:${5000 + i}` }] }));
  return { ...config, clusters: [...(config.clusters ?? []), ...added] };
}

/** Returns the example, or the configuration in a ConfigMap; null for other parts of Kubernetes, and for Prometheus. */
function configurationIn(example: object): object | null {
  const { data } = example as { data?: Record<string, string> };
  if (data?.['outrigger.yaml'] !== undefined) return parse(data['outrigger.yaml']) as object;
  return 'spec' in example || 'apiVersion' in example || 'scrape_configs' in example ? null : example;
}

describe('examples in the documents', () => {
  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8');
    const examples = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, yaml]) => yaml);
    examples.forEach((yaml, i) => {
      const example = configurationIn(parse(yaml) as object);
      if (example === null) return;
      it(`${page}: example ${i + 1} is a configuration without problems or warnings`, () => {
        const config = stringify(wholeOf(example));
        const options = { files: filesOf(yaml), env: { SESSION_SECRET: '0123456789abcdef' } };
        expect([...problemsOf(config, options), ...warningsOf(config, options)], config).to.deep.equal([]);
      });
    });
  }
});
