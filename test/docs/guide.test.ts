import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseAllDocuments } from 'yaml';
import { adminRoutes } from '../../src/admin/routes.ts';
import { parseArguments } from '../../src/cli/arguments.ts';
import { configVolume, sidecarContainer } from '../../src/cli/inject/sidecar.ts';
import { table } from '../../src/config/table.ts';
import { replyErrors } from '../../src/core/reply-error.ts';
import type { Shape } from '../../src/schema/shape.ts';
import { isInstalled } from '../bench/machine.ts';
import { chartOf } from './balance-plots.ts';
import { fencesOf } from './fences.ts';
import { anchorsOf } from './slug.ts';

const page = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

/** Every path of the configuration, sections included: `clusters[].health`. */
function pathsOf(shape: Shape, path = ''): string[] {
  if (shape.kind === 'list') return [`${path}[]`, ...pathsOf(shape.item, `${path}[]`)];
  if (shape.kind !== 'section') return [path];
  const keys = Object.entries(shape.keys);
  return [path, ...keys.flatMap(([key, child]) => pathsOf(child, path === '' ? key : `${path}.${key}`))];
}

/** The pages that compare Outrigger with another proxy, with the least number of keys that they name. */
for (const [name, keysMin] of [
  ['migrate', 60],
  ['from-istio', 40],
  ['from-linkerd', 25],
] as const)
  describe(`docs/tasks/${name}.md`, () => {
    it('each key in the column of Outrigger exists', () => {
      const known = new Set(pathsOf(table));
      const [, equivalents = page(`tasks/${name}.md`)] =
        /^## Find the equivalent\n(.*?)^## /ms.exec(page(`tasks/${name}.md`)) ?? [];
      const rows = [...equivalents.matchAll(/^\|[^|]+\|([^|]+)\|/gm)].map(([, cell]) => cell);
      const keys = rows.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, key]) => key));
      expect(keys.length).to.be.greaterThan(keysMin);
      const policies = 'policies'; // of the top level, of a route
      expect(
        keys.filter((key) => !known.has(key) && !known.has(`${key}[]`) && key !== policies),
      ).to.deep.equal([]);
    });
  });

describe('docs/tasks/migrate.md', () => {
  for (const [language, program, args] of [
    ['nginx', 'nginx', (file: string) => ['-t', '-q', '-c', file]],
    ['haproxy', 'haproxy', (file: string) => ['-c', '-q', '-f', file]],
  ] as const)
    it(`the configuration of ${language} is valid for ${program}`, function () {
      if (!isInstalled(program) && process.env.CI !== 'true') this.skip();
      const { text } = fencesOf(page('tasks/migrate.md')).find((fence) => fence.language === language)!;
      const folder = mkdtempSync(join(tmpdir(), 'outrigger-docs-'));
      const file = join(folder, 'proxy.conf');
      const nginx = `pid ${folder}/pid; error_log stderr; events {} http { access_log off; ${text} }`;
      writeFileSync(file, language === 'nginx' ? nginx : text);
      const { status, stderr } = spawnSync(program, args(file), { encoding: 'utf8' });
      rmSync(folder, { recursive: true });
      expect(status, stderr).to.equal(0);
    });
});

interface Container {
  readonly image: string;
  readonly env: ReadonlyArray<{ readonly value: string }>;
  readonly name: string;
  readonly args: string[];
  readonly ports: ReadonlyArray<{ readonly name: string; readonly containerPort: number }>;
  readonly [probe: `${string}Probe`]: { readonly httpGet: { readonly path: string; readonly port: string } };
}

describe('docs/tasks/kubernetes.md', () => {
  const manifests = fencesOf(page('tasks/kubernetes.md'))
    .filter(({ language }) => language === 'yaml')
    .flatMap(({ text }) => parseAllDocuments(text).map((document) => document.toJS()));
  const of = (kind: string) => manifests.find((manifest) => manifest.kind === kind);
  const pod = of('Deployment').spec.template.spec;
  const container = pod.initContainers[0] as Container;
  const config = manifests.find((manifest) => 'listeners' in manifest);
  const portOf = (address: string): number => Number(address.split(':').at(-1));

  it('the sidecar has arguments that the command line accepts', () => {
    const { value, error } = parseArguments(container.args);
    expect(error).to.equal(undefined);
    expect(value?.command.name).to.equal('run');
    const mount = pod.volumes[0].configMap.name;
    expect([mount, container.args]).to.deep.include.members([of('ConfigMap').metadata.name]);
  });

  it('the probes use paths of the admin API and the port of admin.probes', () => {
    const ports = Object.fromEntries(container.ports.map(({ name, containerPort }) => [name, containerPort]));
    for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe'] as const) {
      const { path, port } = container[probe].httpGet;
      expect(adminRoutes.map((route) => route.path)).to.include(path.split('?')[0]);
      expect(ports[port]).to.equal(portOf(container.env[0].value));
    }
  });

  it('the sidecar is the one that inject adds', () => {
    const spec = { image: container.image, configMap: 'shop-outrigger', version: '' };
    expect(container).to.deep.equal(sidecarContainer(spec));
    expect(pod.volumes).to.deep.equal([configVolume(spec)]);
  });

  it('a drain ends before the kubelet kills the pod', () => {
    const seconds = [config.drain.delay, config.drain.grace].map((text: string) => Number.parseInt(text, 10));
    expect(seconds[0] + seconds[1]).to.be.below(pod.terminationGracePeriodSeconds);
  });
});

describe('docs/tasks/embed.md', () => {
  it('shows the test of examples/embed.ts', () => {
    const shown = fencesOf(page('tasks/embed.md')).find(({ language }) => language === 'ts')?.text;
    expect(shown).to.equal(readFileSync(new URL('../../examples/embed.ts', import.meta.url), 'utf8'));
  });
});

describe('docs/errors.md', () => {
  it('has a section for each error code, under the code as its anchor', () => {
    expect([...anchorsOf(page('errors.md'))].slice(1)).to.deep.equal(Object.keys(replyErrors));
  });
});

describe('docs/plots', () => {
  const source = {
    heading: 'One is slow',
    title: '',
    unit: '',
    scale: 'linear',
    columns: ['10, 3'],
  } as const;
  const results =
    '# R\n\n## One is slow: now\n\n| p99 | 1, 3 | 10, 3 |\n|---|---|---|\n| a | 1 | 2.5 |\n| b | 3 | 4 |\n\n| sidecars, replicas | policy | p50 |\n|---|---|---|\n| 1, 3 | a | 9 |\n';

  it('a chart has the figures of the table of the simulation', () => {
    const { series, groups } = chartOf(results, source);
    expect(series).to.deep.equal(['10 sidecars, 3 replicas']);
    expect(groups).to.deep.equal([
      { name: 'a', values: [2.5] },
      { name: 'b', values: [4] },
    ]);
  });

  it('refuses a table, a column or a policy that is missing', () => {
    expect(() => chartOf(results, { ...source, heading: 'None' })).to.throw('no table "None"');
    expect(() => chartOf(results, { ...source, columns: ['100, 3'] })).to.throw('has no "100, 3"');
    expect(() => chartOf(results, { ...source, policies: ['c'] })).to.throw('has no "c"');
  });
});
