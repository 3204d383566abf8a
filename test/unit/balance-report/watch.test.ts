import { expect } from 'chai';
import type { ClusterFacts, EndpointFacts } from '../../../src/balance-report/facts.ts';
import { fairShareTimeoutMs } from '../../../src/balance-report/fair-share.ts';
import { RequestCounts } from '../../../src/balance-report/request-counts.ts';
import { BalanceWatch, tickMs } from '../../../src/balance-report/watch.ts';
import { StreamWaits } from '../../../src/upstream/opener-queue.ts';

/** One cluster whose endpoints get attempts as the test says, second by second. */
class Service {
  nowMs = 50_000;
  waiting = 0;
  readonly waits = new StreamWaits();
  readonly requests = new RequestCounts();
  readonly watch = new BalanceWatch((cluster) => this.requests.of(cluster));
  readonly picks = new Map<string, number>();
  readonly over = new Map<string, Partial<EndpointFacts>>();
  private readonly usableSince = new Map<string, number>();

  constructor(...names: string[]) {
    for (const name of names) this.add(name);
    this.tick({});
  }

  add(name: string): void {
    this.picks.set(name, this.picks.get(name) ?? 0);
    this.usableSince.set(name, this.nowMs);
  }

  remove(name: string): void {
    this.picks.delete(name);
    this.usableSince.delete(name);
  }

  unusable(name: string): void {
    this.usableSince.delete(name);
  }

  get facts(): ClusterFacts {
    const names = [...this.picks.keys()];
    const weightOf = (name: string) => this.over.get(name)?.effectiveWeight ?? 1;
    const usable = names.filter((name) => this.usableSince.has(name));
    const whole = usable.reduce((sum, name) => sum + weightOf(name), 0);
    const endpoints = names.map(
      (name): EndpointFacts => ({
        address: name,
        picks: this.picks.get(name)!,
        errors: 0,
        active: 0,
        weight: 1,
        effectiveWeight: 1,
        share: usable.includes(name) ? weightOf(name) / whole : 0,
        usableSinceMs: this.usableSince.get(name) ?? null,
        p50Ms: () => null,
        ...this.over.get(name),
      }),
    );
    return { name: 'c', policy: 'round_robin', endpoints, waiting: this.waiting, streamWaits: this.waits };
  }

  /** A second in which each endpoint gets this many attempts. */
  tick(picks: Record<string, number>): void {
    for (const [name, count] of Object.entries(picks))
      this.picks.set(name, (this.picks.get(name) ?? 0) + count);
    this.nowMs += tickMs;
    this.watch.tick([this.facts], this.nowMs);
  }

  ticks(count: number, picks: Record<string, number>): void {
    for (let i = 0; i < count; i++) this.tick(picks);
  }

  report() {
    return this.watch.report(this.facts, this.nowMs);
  }
}

describe('balance-report/watch', () => {
  it('covers the last ten seconds and nothing before', () => {
    const service = new Service('a', 'b');
    service.ticks(5, { a: 1000, b: 0 });
    service.ticks(10, { a: 10, b: 10 });
    expect(service.report()).to.include({ verdict: 'balanced', attempts: 200, windowMs: 10_000 });
  });

  it('gives the endpoints with the highest and the lowest share, and a reason', () => {
    const service = new Service('a', 'b', 'c');
    service.ticks(10, { a: 30, b: 10, c: 20 });
    const report = service.report();
    expect(report.highest).to.deep.equal({ endpoint: 'a', shareOverWeight: 1.5 });
    expect(report.lowest).to.deep.equal({ endpoint: 'b', shareOverWeight: 0.5 });
    expect(report.text).to.match(/^uneven: [ab] gets /);
  });

  it('judges shares since the last change of endpoints, not across it', () => {
    const service = new Service('a', 'b');
    service.ticks(10, { a: 50, b: 50 });
    service.add('c');
    service.tick({ a: 50, b: 50, c: 0 });
    expect(service.report().verdict).to.equal('changing');
    service.ticks(3, { a: 33, b: 33, c: 33 });
    expect(service.report()).to.include({ verdict: 'balanced', attempts: 297, windowMs: 3_000 });
  });

  it('ignores what endpoints got that are unusable now', () => {
    const service = new Service('a', 'b', 'c');
    service.ticks(10, { a: 10, b: 10, c: 10 });
    service.unusable('c');
    service.ticks(4, { a: 15, b: 15 });
    // The second in which it became unusable is not judged.
    expect(service.report()).to.include({ verdict: 'balanced', attempts: 90 });
  });

  it('averages attempts in flight over the window', () => {
    const service = new Service('a', 'b');
    service.over.set('a', { active: 9 });
    service.over.set('b', { active: 3 });
    service.ticks(5, { a: 50, b: 50 });
    service.over.set('a', { active: 3 });
    service.over.set('b', { active: 3 });
    service.ticks(5, { a: 50, b: 50 });
    // 6 and 3 on average.
    expect(service.report().activeMaxOverMean).to.be.closeTo(6 / 4.5, 1e-9);
  });

  it('a counter that starts again after a reload counts as no attempts', () => {
    const service = new Service('a', 'b');
    service.ticks(10, { a: 10, b: 10 });
    service.picks.set('a', 0);
    service.tick({ b: 10 });
    expect(service.report().attempts).to.equal(100);
  });

  it('forgets clusters that are gone', () => {
    const service = new Service('a', 'b');
    service.watch.tick([], service.nowMs);
    expect(service.watch.fairShareOf('c')).to.equal(null);
  });

  it('counts attempts per request of the last ten seconds', () => {
    const service = new Service('a', 'b');
    service.requests.add('c', 5);
    service.ticks(11, { a: 10, b: 10 });
    expect(service.report().retryAmplification).to.equal(null);
    for (let i = 0; i < 8; i++) service.requests.add('c', 1);
    for (let i = 0; i < 2; i++) service.requests.add('c', 3);
    // Neither a request without an attempt nor another cluster counts.
    service.requests.add('c', 0);
    service.requests.add('d', 9);
    service.tick({ a: 7, b: 7 });
    const { retryAmplification, text } = service.report();
    expect(retryAmplification).to.equal(1.4);
    expect(text).to.match(/^balanced: .*; a request takes 1\.4 attempts on average$/);
  });

  it('says how long requests waited for a stream at the limit, in the last ten seconds', () => {
    const service = new Service('a', 'b');
    service.waits.limit.record(900);
    service.ticks(11, { a: 10, b: 10 });
    expect(service.report().streamWait).to.deep.equal({ waiting: 0, atLimit: 0, meanMs: null });
    service.waits.limit.record(3);
    service.waits.limit.record(6);
    // To wait for the first connection is normal.
    service.waits.connect.record(500);
    service.waiting = 4;
    service.tick({ a: 10, b: 10 });
    const { streamWait, text } = service.report();
    expect(streamWait).to.include({ waiting: 4, atLimit: 2 });
    expect(streamWait.meanMs).to.be.closeTo(4.5, 1e-6);
    expect(text).to.match(
      /; 2 requests waited 4\.5 ms on average for a stream because the connections were full$/,
    );
  });
});

describe('balance-report/fair-share', () => {
  it('is the time until an endpoint that joins others gets 80% of its share', () => {
    const service = new Service('a', 'b');
    service.ticks(3, { a: 50, b: 50 });
    service.add('c');
    service.ticks(4, { a: 45, b: 45, c: 10 });
    expect(service.report().fairShare).to.deep.equal({
      waiting: [{ endpoint: 'c', sinceMs: 4000 }],
      lastMs: null,
    });
    expect(service.report().text).to.include('; c became usable 4 s ago and does not get its share yet');
    service.tick({ a: 35, b: 35, c: 30 });
    expect(service.report().fairShare).to.deep.equal({ waiting: [], lastMs: 5000 });
    const { durations, missed } = service.watch.fairShareOf('c')!;
    expect([durations.count, durations.sum, missed]).to.deep.equal([1, 5, 0]);
  });

  it('endpoints that are there from the start are not measured', () => {
    const service = new Service('a', 'b');
    service.ticks(3, { a: 50, b: 50 });
    expect(service.watch.fairShareOf('c')!.durations.count).to.equal(0);
  });

  it('waits for enough attempts before it judges', () => {
    const service = new Service('a', 'b');
    service.add('c');
    // Six attempts a second, two for each: 20 are expected after ten seconds.
    service.ticks(1, { a: 2, b: 2, c: 2 });
    service.ticks(9, { a: 2, b: 2, c: 2 });
    expect(service.report().fairShare.lastMs).to.equal(null);
    service.ticks(1, { a: 2, b: 2, c: 2 });
    expect(service.report().fairShare.lastMs).to.equal(11_000);
  });

  it('the share is that of the configured weight, so slow start is part of the time', () => {
    const service = new Service('a', 'b');
    service.add('c');
    service.over.set('c', { effectiveWeight: 0.1 });
    // By the weight of now, 1 in 21 would be enough; by the configured one, 1 in 3 is due.
    service.ticks(4, { a: 100, b: 100, c: 10 });
    expect(service.report().fairShare.waiting).to.have.length(1);
    service.over.delete('c');
    service.ticks(1, { a: 70, b: 70, c: 70 });
    expect(service.report().fairShare).to.deep.include({ waiting: [], lastMs: 5000 });
  });

  it('an endpoint that leaves is no longer measured', () => {
    for (const leave of ['remove', 'unusable'] as const) {
      const service = new Service('a', 'b');
      service.add('c');
      service.ticks(2, { a: 50, b: 50 });
      service[leave]('c');
      service.ticks(2, { a: 50, b: 50 });
      expect(service.report().fairShare).to.deep.equal({ waiting: [], lastMs: null });
    }
  });

  it('is counted as missed after five minutes', () => {
    const service = new Service('a', 'b');
    service.add('c');
    service.ticks(fairShareTimeoutMs / tickMs, { a: 50, b: 50, c: 2 });
    const { durations, missed } = service.watch.fairShareOf('c')!;
    expect([durations.count, missed]).to.deep.equal([0, 1]);
    expect(service.report().fairShare.waiting).to.deep.equal([]);
  });
});
