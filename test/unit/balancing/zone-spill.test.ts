import { expect } from 'chai';
import { EndpointReport } from '../../../src/balancing/endpoint-report.ts';
import { LevelSpill, type ZoneMembers } from '../../../src/balancing/zone-spill.ts';
import { candidate } from './simulation.ts';

const names = ['a', 'b', 'c'] as const;
const perZone = 4;

function zoneOf(zone: string, endpoints = perZone): ZoneMembers {
  return {
    zone,
    endpoints: Array.from({ length: endpoints }, (_, i) => ({ ...candidate(`${zone}${i}`), zone })),
  };
}

function reports({ endpoints }: ZoneMembers, atMs: number, values: Partial<EndpointReport>): void {
  for (const endpoint of endpoints)
    endpoint.report = Object.assign(endpoint.report ?? new EndpointReport(), { atMs, ...values });
}

/** What zones with so many requests report; 1 is all that a zone can do. */
type ReportOf = (load: number, zone: number) => Partial<EndpointReport>;
const utilization: ReportOf = (load) => ({ utilization: load });
const waiting: ReportOf = (load) => {
  const latencyMs = 2 / (1 - Math.min(load, 0.98));
  return { latencyMs, inFlight: 4 * load * latencyMs };
};

/**
 * Sidecars in three zones whose callers need so much of what a zone can do, in steps of a second. A sidecar sees the load of its own
 * zone, and that of the others where it sends requests or probes. Reports are averages over so many seconds. Returns the load of zone a,
 * and the part that it keeps, over time.
 */
function run(
  demands: (second: number) => readonly number[],
  reportOf: ReportOf,
  seconds: number,
  averageSeconds = 1,
) {
  const sidecars = names.map((name) => ({
    spill: new LevelSpill(),
    local: zoneOf(name),
    others: names.filter((other) => other !== name).map((other) => zoneOf(other)),
  }));
  const loads: number[] = [];
  const kept: number[] = [];
  let seen = names.map((_, i) => demands(0)[i]);
  for (let second = 1; second <= seconds; second++) {
    const nowMs = second * 1000;
    const demand = demands(second);
    const load = names.map(() => 0);
    for (const [i, { spill, local, others }] of sidecars.entries()) {
      reports(local, nowMs - 1, reportOf(seen[i], i));
      const probed = spill.probe(local, others, 1000, nowMs);
      for (const other of others) {
        const j = names.indexOf(other.zone as 'a');
        const part = (1 - spill.kept) * (spill.parts.get(other.zone) ?? 0);
        if (part > 0.001 || probed === other.zone) reports(other, nowMs - 1, reportOf(seen[j], j));
      }
      spill.learn(local, others, 1 / 3, nowMs);
      load[i] += demand[i] * (spill.parts.size === 0 ? 1 : spill.kept);
      for (const [zone, part] of spill.parts)
        load[names.indexOf(zone as 'a')] += demand[i] * (1 - spill.kept) * part;
    }
    loads.push(load[0]);
    kept.push(sidecars[0].spill.kept);
    seen = seen.map((before, i) => before + (load[i] - before) / averageSeconds);
  }
  return { loads, kept, spill: sidecars[0].spill };
}

const range = (values: readonly number[]): [number, number] => [Math.min(...values), Math.max(...values)];

describe('balancing/zone-spill', () => {
  for (const [name, reportOf] of [
    ['utilization', utilization],
    ['latency', waiting],
  ] as const)
    for (const level of [0.1, 0.6, 0.95])
      it(`keeps everything where all zones have as much, ${level} of what they can do (by ${name})`, () => {
        const { kept } = run(() => [level, level, level], reportOf, 120);
        expect(range(kept)).to.deep.equal([1, 1]);
      });

  it('keeps everything where the own zone has room, however idle the others are', () => {
    expect(range(run(() => [0.7, 0.1, 0], utilization, 60).kept)).to.deep.equal([1, 1]);
  });

  it('lets go what does not fit, and no more', () => {
    const { loads, spill } = run(() => [1.2, 0.3, 0.3], utilization, 120);
    expect(loads[0]).to.be.above(1.1);
    expect(range(loads.slice(40))[0]).to.be.above(0.77);
    expect(range(loads.slice(40))[1]).to.be.below(0.84);
    expect(spill.reason).to.match(
      /^its endpoints report a utilization of 0\.\d+, those of another zone 0\.\d+$/,
    );
  });

  it('levels the zones where all together have more than the target', () => {
    const { loads } = run(() => [1.8, 0.45, 0.45], utilization, 200);
    expect(range(loads.slice(60))[0]).to.be.above(0.87);
    expect(range(loads.slice(60))[1]).to.be.below(0.94);
  });

  it('takes back what fits again', () => {
    const { kept } = run((second) => [second < 60 ? 1.2 : 0.6, 0.3, 0.3], utilization, 120);
    expect(kept[58]).to.be.below(0.75);
    expect(kept[80]).to.equal(1);
  });

  it('settles where the reports are averages over ten seconds', () => {
    const { loads } = run(() => [1.2, 0.3, 0.3], utilization, 300, 10);
    expect(range(loads)[0], 'the lowest of all').to.be.above(0.5);
    expect(range(loads.slice(150))[0]).to.be.above(0.75);
    expect(range(loads.slice(150))[1]).to.be.below(0.85);
  });

  it('goes by latency and requests in flight where nobody reports utilization', () => {
    const { loads, kept, spill } = run(() => [0.97, 0.3, 0.3], waiting, 300);
    expect(range(loads.slice(60))[1], 'load').to.be.below(0.75);
    expect(range(kept.slice(60))[0], 'kept').to.be.above(0.6);
    expect(spill.reason).to.match(/^its endpoints report [\d.]+ ms with [\d.]+ requests in flight, those of/);
  });

  it('leaves a slow zone alone that has nothing waiting', () => {
    const slow: ReportOf = (_, zone) => ({ latencyMs: zone === 0 ? 50 : 2, inFlight: 0.5 });
    expect(range(run(() => [0.5, 0.5, 0.5], slow, 60).kept)).to.deep.equal([1, 1]);
  });

  describe('a step', () => {
    const local = zoneOf('a');
    const other = zoneOf('b');
    const step = (spill: LevelSpill, nowMs: number) => spill.learn(local, [other], 0.5, nowMs);

    it('waits until most of the own endpoints have reported since the last one', () => {
      const spill = new LevelSpill();
      reports(local, 0, { utilization: 1 });
      reports(other, 0, { utilization: 0.2 });
      step(spill, 1000);
      const { kept } = spill;
      expect(kept).to.be.closeTo(0.8 ** 0.2, 1e-9);
      local.endpoints[0].report!.atMs = 1500;
      step(spill, 2000);
      expect(spill.kept, 'one of four').to.equal(kept);
      local.endpoints[1].report!.atMs = 2500;
      step(spill, 3000);
      expect(spill.kept, 'two of four').to.be.below(kept);
    });

    it('never leaves the own zone less than its part of the weight, whatever is reported', () => {
      const spill = new LevelSpill();
      for (let second = 1; second <= 100; second++) {
        reports(local, second * 1000, { utilization: 10 });
        reports(other, second * 1000, { utilization: 0 });
        step(spill, second * 1000 + 1);
      }
      expect(spill.kept).to.equal(0.5);
      expect([...spill.parts]).to.deep.equal([['b', 1]]);
    });

    it('is not decided by one endpoint that lies', () => {
      const spill = new LevelSpill();
      reports(local, 0, { utilization: 0.5 });
      reports(other, 0, { utilization: 0.5 });
      local.endpoints[0].report!.utilization = 10;
      other.endpoints[0].report!.utilization = 0;
      step(spill, 1000);
      expect(spill.kept).to.equal(1);
    });

    it('forgets all where reports are missing, or a minute old', () => {
      for (const forget of [
        () => reports(local, -60_000, {}),
        () => reports(other, -60_000, {}),
        () => {
          for (const endpoint of other.endpoints) endpoint.report = null;
        },
      ]) {
        const spill = new LevelSpill();
        reports(local, 0, { utilization: 1 });
        reports(other, 0, { utilization: 0.2 });
        step(spill, 1);
        expect(spill.kept).to.be.below(1);
        forget();
        step(spill, 2);
        expect(spill).to.include({ kept: 1, reason: '' });
        expect(spill.parts.size).to.equal(0);
      }
    });
  });

  describe('a probe', () => {
    const local = zoneOf('a');
    const others = [zoneOf('b'), zoneOf('c')];
    const probes = (
      spill: LevelSpill,
      seconds: number,
      picksPerSecond: number,
      answered: boolean,
    ): string[] => {
      const sent: string[] = [];
      for (let second = 1; second <= seconds; second++) {
        reports(local, second * 1000, { utilization: 0.9 });
        const zone = spill.probe(local, others, picksPerSecond, second * 1000);
        if (zone === null) continue;
        sent.push(zone);
        const one = others.find((other) => other.zone === zone)!;
        if (answered) reports(one, second * 1000, { utilization: 0.1 });
      }
      return sent;
    };
    afterEach(() => {
      for (const { endpoints } of [local, ...others])
        for (const endpoint of endpoints) endpoint.report = null;
    });

    it('goes to each other zone once in five seconds, and is one of a hundred requests at the most', () => {
      expect(probes(new LevelSpill(), 60, 1000, true)).to.have.length.within(18, 24);
      expect(probes(new LevelSpill(), 600, 1, true)).to.have.length.within(4, 6);
    });

    it('becomes rare where no report comes of it', () => {
      // After 5, 10, 20, 40, 80, 160 and 300 seconds, for two zones.
      expect(probes(new LevelSpill(), 600, 1000, false)).to.have.length.within(12, 16);
    });

    it('is not made where the own zone is calm, or does not report', () => {
      const spill = new LevelSpill();
      expect(spill.probe(local, others, 1000, 1000)).to.equal(null);
      reports(local, 1000, { utilization: 0.4 });
      expect(spill.probe(local, others, 1000, 2000)).to.equal(null);
      reports(local, 2000, { utilization: 0.5 });
      expect(spill.probe(local, others, 0, 3000)).to.equal('b');
    });
  });
});
