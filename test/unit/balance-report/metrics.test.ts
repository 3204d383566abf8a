import { expect } from 'chai';
import { FairShare } from '../../../src/balance-report/fair-share.ts';
import { type ReportedCluster, registerBalanceMetrics } from '../../../src/balance-report/metrics.ts';
import type { BalanceReport } from '../../../src/balance-report/report.ts';
import { prometheusText } from '../../../src/telemetry/metrics/prometheus-text.ts';
import { createRegistry } from '../../../src/telemetry/metrics/registry.ts';
import { StreamWaits } from '../../../src/upstream/opener-queue.ts';

const report: BalanceReport = {
  verdict: 'uneven',
  text: 'uneven: …',
  windowMs: 10_000,
  attempts: 300,
  activeMaxOverMean: 1.5,
  highest: { endpoint: 'a', shareOverWeight: 2.1 },
  lowest: { endpoint: 'b', shareOverWeight: 0.4 },
  retryAmplification: 1.25,
  streamWait: { waiting: 3, atLimit: 2, meanMs: 4 },
  fairShare: { waiting: [{ endpoint: 'c', sinceMs: 4000 }], lastMs: null },
};

/** Samples by name and labels. */
function scrape(clusters: () => readonly ReportedCluster[]): Map<string, string> {
  const registry = createRegistry();
  registerBalanceMetrics(registry, clusters);
  const lines = prometheusText(registry, undefined).body.split('\n');
  return new Map(
    lines.filter((line) => /^\w/.test(line)).map((line) => line.split(/ (?=\S+$)/) as [string, string]),
  );
}

describe('balance-report/metrics', () => {
  it('shows the figures of each report, and the verdict as one gauge of several', () => {
    const fairShare = new FairShare();
    fairShare.durations.record(7000);
    fairShare.missed = 2;
    const streamWaits = new StreamWaits();
    streamWaits.limit.record(4);
    const samples = scrape(() => [{ name: 'greeter', report, fairShare, streamWaits }]);
    const cluster = '{outrigger_cluster="greeter"}';
    expect(samples.get(`outrigger_balance_highest_share_over_weight${cluster}`)).to.equal('2.1');
    expect(samples.get(`outrigger_balance_lowest_share_over_weight${cluster}`)).to.equal('0.4');
    expect(samples.get(`outrigger_balance_retry_amplification${cluster}`)).to.equal('1.25');
    expect(samples.get(`outrigger_balance_endpoints_below_share${cluster}`)).to.equal('1');
    expect(samples.get(`outrigger_balance_fair_share_missed_total${cluster}`)).to.equal('2');
    expect(samples.get(`outrigger_balance_time_to_fair_share_seconds_sum${cluster}`)).to.equal('7');
    expect(samples.get(`outrigger_cluster_waiting_requests${cluster}`)).to.equal('3');
    const waits = 'outrigger_cluster_stream_wait_seconds_count{outrigger_cluster="greeter",outrigger_reason=';
    expect([samples.get(`${waits}"limit"}`), samples.get(`${waits}"connect"}`)]).to.deep.equal(['1', '0']);
    const verdicts = [...samples].filter(([name]) => name.startsWith('outrigger_balance_verdict'));
    expect(verdicts.filter(([, value]) => value === '1')).to.deep.equal([
      ['outrigger_balance_verdict{outrigger_cluster="greeter",outrigger_verdict="uneven"}', '1'],
    ]);
    expect(verdicts).to.have.length(7);
  });

  it('leaves out what is not known', () => {
    const unknown = { ...report, highest: null, lowest: null, retryAmplification: null };
    const samples = scrape(() => [
      { name: 'greeter', report: unknown, fairShare: null, streamWaits: new StreamWaits() },
    ]);
    for (const name of samples.keys())
      expect(name).not.to.match(/share_over_weight|amplification|time_to_fair/);
  });
});
