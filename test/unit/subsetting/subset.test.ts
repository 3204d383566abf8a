import { expect } from 'chai';
import fc from 'fast-check';
import type { EndpointSpec } from '../../../src/core/endpoint-spec.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { subsetOf } from '../../../src/subsetting/subset.ts';

const spec = (host: string, priority = 0): EndpointSpec => ({
  address: { kind: 'tcp', host, port: 50_051 },
  weight: 1,
  zone: '',
  priority,
});

/** Addresses as a network gives them: they differ in a few characters. */
const pods = (count: number): EndpointSpec[] =>
  Array.from({ length: count }, (_, i) => spec(`10.${42 + (i >> 12)}.${(i >> 4) & 255}.${i & 15}`));

/** Lists without two endpoints of the same address, a subset size and a seed. */
const cases = fc.record({
  endpoints: fc.uniqueArray(
    fc.record({ host: fc.integer({ min: 0, max: 999 }), priority: fc.integer({ min: 0, max: 2 }) }),
    { minLength: 1, maxLength: 100, selector: ({ host }) => host },
  ),
  size: fc.integer({ min: 1, max: 40 }),
  seed: fc.integer(),
});
const specsOf = (endpoints: ReadonlyArray<{ host: number; priority: number }>): EndpointSpec[] =>
  endpoints.map(({ host, priority }) => spec(`10.0.${host >> 8}.${host & 255}`, priority));

/** How many of `before` are not in `after`. */
const lost = (before: readonly EndpointSpec[], after: readonly EndpointSpec[]): number =>
  before.filter((one) => !after.includes(one)).length;

describe('subsetting/subset', () => {
  it('uses all endpoints where there are not more than the size', () => {
    const endpoints = pods(20);
    expect(subsetOf(endpoints, { size: 20, seed: 7 })).to.equal(endpoints);
    expect(subsetOf([], { size: 20, seed: 7 })).to.deep.equal([]);
  });

  it('has `size` endpoints of each priority, or all of a smaller one, in the order of the list', () => {
    fc.assert(
      fc.property(cases, ({ endpoints, size, seed }) => {
        const specs = specsOf(endpoints);
        const subset = subsetOf(specs, { size, seed });
        expect(subset).to.deep.equal(specs.filter((one) => subset.includes(one)));
        for (const priority of [0, 1, 2]) {
          const of = (list: readonly EndpointSpec[]) => list.filter((one) => one.priority === priority);
          expect(of(subset).length).to.equal(Math.min(size, of(specs).length));
        }
      }),
    );
  });

  it('does not depend on the order of the list, its weights and its zones', () => {
    fc.assert(
      fc.property(cases, ({ endpoints, size, seed }) => {
        const specs = specsOf(endpoints);
        const others = specs.map((one, i) => ({ ...one, weight: 1 + i, zone: `z${i % 3}` })).reverse();
        const hosts = (list: readonly EndpointSpec[]) =>
          subsetOf(list, { size, seed }).map(({ address }) => (address as { host: string }).host);
        expect(hosts(others)).to.have.members(hosts(specs));
      }),
    );
  });

  it('an endpoint that comes or goes changes one other endpoint at the most', () => {
    fc.assert(
      fc.property(cases, fc.nat(), ({ endpoints, size, seed }, which) => {
        const more = specsOf(endpoints);
        const changed = more[which % more.length];
        const fewer = more.filter((one) => one !== changed);
        const withIt = subsetOf(more, { size, seed });
        const without = subsetOf(fewer, { size, seed });
        expect(lost(without, withIt), 'it comes').to.be.at.most(1);
        expect(lost(withIt, without), 'it goes').to.equal(withIt.includes(changed) ? 1 : 0);
      }),
    );
  });

  it('a rollout of a part of the endpoints moves that part of the subset, and no more', () => {
    const random = new SeededRandom(3);
    const before = pods(300);
    const replaced = before.map((one, i) => (i % 10 === 0 ? spec(`10.99.0.${i / 10}`) : one));
    let moved = 0;
    const clients = 500;
    for (let client = 0; client < clients; client++) {
      const settings = { size: 20, seed: random.i32() };
      moved += lost(subsetOf(before, settings), subsetOf(replaced, settings));
    }
    // Two of the 20 went and two came, on average. More came than went at times, and took further places: 3.8 if that were always so.
    expect(moved / clients).to.be.within(2, 20 * (1 - 0.9 ** 2));
  });

  for (const [clients, servers, size] of [
    [100, 100, 5],
    [100, 100, 25],
    [2000, 10, 5],
    [1000, 300, 20],
  ] as const)
    it(`${clients} clients with ${size} of ${servers} endpoints choose each about equally often`, () => {
      const seeds = new SeededRandom(clients + servers);
      const endpoints = pods(servers);
      const chosen = new Map<EndpointSpec, number>(endpoints.map((one) => [one, 0]));
      for (let client = 0; client < clients; client++)
        for (const one of subsetOf(endpoints, { size, seed: seeds.i32() }))
          chosen.set(one, chosen.get(one)! + 1);
      // Each count is binomial: `clients` draws, each with size / servers.
      const part = size / servers;
      const mean = clients * part;
      const variance = mean * (1 - part);
      const squares = [...chosen.values()].map((count) => (count - mean) ** 2);
      expect(Math.sqrt(Math.max(...squares)), 'the farthest count').to.be.at.most(4.5 * Math.sqrt(variance));
      const dispersion = squares.reduce((sum, square) => sum + square, 0) / (servers * variance);
      // 1 for independent draws, with a standard deviation of √(2 / servers).
      expect(dispersion, 'counts vary as those of a fair draw').to.be.within(
        1 - 4.5 * Math.sqrt(2 / servers),
        1 + 4.5 * Math.sqrt(2 / servers),
      );
    });
});
