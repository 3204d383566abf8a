import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import {
  dashboardQueries,
  metricNames,
  ruleQueries,
  variableQueries,
} from '../../../support/monitoring-queries.ts';
import { greeterConfig, startSidecar } from '../../../support/sidecar.ts';

describe('docs/metrics.md, the rules for Prometheus and the dashboard of Grafana', () => {
  /** What `/metrics` can have, by the names of samples. */
  const samples = new Set<string>();
  const families: string[] = [];

  before(async () => {
    const sidecar = await startSidecar(greeterConfig([{ address: '127.0.0.1:9' }], { health: 'none' }));
    for (const { kind, prometheus } of sidecar.app.telemetry.registry.collect()) {
      families.push(kind === 'counter' ? `${prometheus}_total` : prometheus);
      if (kind === 'histogram')
        for (const part of ['bucket', 'sum', 'count']) samples.add(`${prometheus}_${part}`);
    }
    for (const family of families) samples.add(family);
    await sidecar.stop();
  });

  it('the page has every metric, and none that does not exist', () => {
    const page = readFileSync('docs/metrics.md', 'utf8');
    const cells = page.split('\n').flatMap((line) => (line.startsWith('| `') ? [line.split(' | ')[0]] : []));
    const listed = cells.flatMap((cell) => [...cell.matchAll(/`([a-z0-9_]+)`/g)].map(([, name]) => name));
    expect(families.filter((name) => !listed.includes(name))).to.deep.equal([]);
    expect(listed.filter((name) => !families.includes(name))).to.deep.equal([]);
  });

  it('rules and dashboard use only metrics that exist', () => {
    const queries = [...ruleQueries(), ...dashboardQueries('1m'), ...variableQueries()];
    expect(queries.length).to.be.greaterThan(60);
    for (const { of, expr } of queries)
      for (const name of metricNames(expr)) expect(samples.has(name), `${of}: ${name}`).to.equal(true);
  });

  it('the dashboard has no panel without a query, and panels do not overlap', () => {
    const { panels } = JSON.parse(readFileSync('docker/grafana/outrigger.json', 'utf8')) as {
      panels: Array<{
        id: number;
        type: string;
        title: string;
        gridPos: { x: number; y: number; w: number; h: number };
        targets?: unknown[];
      }>;
    };
    expect(new Set(panels.map(({ id }) => id)).size).to.equal(panels.length);
    for (const { type, title, targets = [] } of panels)
      expect(type === 'row' || targets.length > 0, title).to.equal(true);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).to.equal(cells.length);
  });
});
