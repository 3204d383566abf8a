import { expect } from 'chai';
import {
  type EndpointMetrics,
  registerEndpointMetrics,
} from '../../../../src/telemetry/metrics/endpoint-metrics.ts';
import { createMetricProducer } from '../../../../src/telemetry/metrics/otlp-producer.ts';
import { prometheusText } from '../../../../src/telemetry/metrics/prometheus-text.ts';
import { createRegistry } from '../../../../src/telemetry/metrics/registry.ts';
import { EndpointSeries, endpointSeriesMax } from '../../../../src/upstream/endpoint-series.ts';
import { endpointSnapshot } from './snapshots.ts';

describe('telemetry/metrics/endpoint-metrics', () => {
  const samples = (snapshot: () => EndpointMetrics[]): Map<string, number> => {
    const registry = createRegistry();
    registerEndpointMetrics(registry, snapshot);
    const lines = prometheusText(registry, undefined).body.split('\n');
    return new Map(
      lines
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
    );
  };
  const labels = '{outrigger_cluster="greeter",outrigger_endpoint="127.0.0.1:50051"}';

  it('shows each endpoint as it stands', () => {
    const seen = samples(() => [
      endpointSnapshot({
        active: 2,
        total: 10,
        errors: 1,
        weight: 4,
        effectiveWeight: 0.4,
        healthy: false,
        usable: false,
        ejections: 3,
        ejectionsByRule: new Map([['success rate', 3]]),
        healthChanges: 4,
      }),
    ]);
    expect(seen.get(`outrigger_endpoint_active${labels}`)).to.equal(2);
    expect(seen.get(`outrigger_endpoint_total${labels}`)).to.equal(10);
    expect(seen.get(`outrigger_endpoint_errors_total${labels}`)).to.equal(1);
    expect(seen.get(`outrigger_endpoint_health${labels}`)).to.equal(0);
    expect(seen.get(`outrigger_endpoint_usable${labels}`)).to.equal(0);
    expect(seen.get(`outrigger_endpoint_weight${labels}`)).to.equal(4);
    expect(seen.get(`outrigger_endpoint_effective_weight${labels}`)).to.equal(0.4);
    expect(seen.get(`outrigger_endpoint_ejections_total${labels}`)).to.equal(3);
    const cause = `${labels.slice(0, -1)},outrigger_ejection_cause="success rate"}`;
    expect(seen.get(`outrigger_endpoint_ejection_causes_total${cause}`), [...seen.keys()].join()).to.equal(3);
    expect(seen.get(`outrigger_endpoint_health_changes_total${labels}`)).to.equal(4);
  });

  it('shows what an endpoint reported of its load, and nothing of one that reports none', () => {
    const reported = { count: 7, utilization: 0.5, inFlight: 0, latencyMs: 25 };
    const seen = samples(() => [
      endpointSnapshot({ report: { ...reported, utilization: -1 } }),
      endpointSnapshot({ address: '10.0.0.9:1' }),
    ]);
    const names = [...seen.keys()].filter((name) => name.includes('report'));
    expect(names.map((name) => [name, seen.get(name)])).to.have.deep.members([
      [`outrigger_endpoint_load_reports_total${labels}`, 7],
      [`outrigger_endpoint_reported_in_flight${labels}`, 0],
      [`outrigger_endpoint_reported_latency_seconds${labels}`, 0.025],
    ]);
  });

  /** Labels of an endpoint of greeter, with more behind them. */
  const of = (endpoint: string, more = '') =>
    `{outrigger_cluster="greeter",outrigger_endpoint="${endpoint}"${more}}`;

  it('shows attempts by how they ended and how long they took, and those without a series of their own as other', () => {
    const own = new EndpointSeries(false);
    const shared = new EndpointSeries(true);
    for (const ms of [0.4, 1, 3, 3000, 60_000]) own.record('ok', ms);
    own.record('error', 30);
    shared.record('other', 2);
    const seen = samples(() => [
      endpointSnapshot({ address: 'a:1', series: own }),
      endpointSnapshot({ address: 'b:1', series: shared }),
      endpointSnapshot({ address: 'c:1', series: shared }),
    ]);
    const attempts = (endpoint: string, outcome: string) =>
      seen.get(`outrigger_endpoint_attempts_total${of(endpoint, `,outrigger_outcome="${outcome}"`)}`);
    expect([attempts('a:1', 'success'), attempts('a:1', 'error'), attempts('a:1', 'other')]).to.deep.equal([
      5, 1, 0,
    ]);
    expect([attempts('other', 'other'), attempts('b:1', 'other')]).to.deep.equal([1, undefined]);
    const name = 'outrigger_endpoint_attempt_duration_seconds';
    const bucket = (endpoint: string, le: string) => seen.get(`${name}_bucket${of(endpoint, `,le="${le}"`)}`);
    expect(
      ['0.001', '0.005', '0.025', '0.1', '0.5', '2.5', '10', '+Inf'].map((le) => bucket('a:1', le)),
    ).to.deep.equal([2, 3, 3, 4, 4, 4, 5, 6]);
    expect(seen.get(`${name}_count${of('a:1')}`)).to.equal(6);
    expect(seen.get(`${name}_sum${of('a:1')}`)).to.be.closeTo(63.0344, 1e-9);
    expect(bucket('other', '+Inf')).to.equal(1);
  });

  it('marks what has another name now as deprecated, and sends it by OTLP under the new one alone', async () => {
    const registry = createRegistry();
    registerEndpointMetrics(registry, () => [endpointSnapshot({ total: 3 })]);
    const { body } = prometheusText(registry, undefined);
    expect(body).to.match(
      /^# HELP outrigger_endpoint_total Deprecated: use outrigger_endpoint_attempts_total\. /m,
    );
    const { resourceMetrics } = await createMetricProducer(
      registry,
      { name: 'outrigger' },
      () => 0,
    ).collect();
    const sent = resourceMetrics.scopeMetrics[0].metrics.map(({ descriptor }) => descriptor.name);
    expect(sent).to.include.members(['outrigger.endpoint.attempts', 'outrigger.endpoint.attempt.duration']);
    expect(sent).not.to.include('outrigger.endpoint.total');
    expect(new Set(sent).size, 'each name once').to.equal(sent.length);
  });

  it('has a scrape of under 3 MB with the most endpoints there may be', () => {
    const registry = createRegistry();
    const endpoints = Array.from({ length: endpointSeriesMax }, (_, i) => {
      const series = new EndpointSeries(false);
      series.record('ok', i);
      return endpointSnapshot({ address: `10.0.${i >> 8}.${i & 255}:50051`, series });
    });
    registerEndpointMetrics(registry, () => endpoints);
    expect(prometheusText(registry, undefined).body.length).to.be.below(3_000_000);
  });

  it('measures the balance by load per weight and share per weight', () => {
    const seen = samples(() => [
      endpointSnapshot({ weight: 1, active: 3, total: 50 }),
      endpointSnapshot({ address: 'b:1', weight: 1, active: 1, total: 25 }),
      endpointSnapshot({ address: 'c:1', weight: 2, active: 4, total: 25 }),
      endpointSnapshot({ cluster: 'idle', address: 'd:1' }),
    ]);
    expect(seen.get('outrigger_balance_active_max_over_mean{outrigger_cluster="greeter"}')).to.equal(1.5);
    expect(seen.get('outrigger_balance_active_max_over_mean{outrigger_cluster="idle"}')).to.equal(0);
    expect(seen.get(`outrigger_balance_share_over_weight${labels}`)).to.equal(2);
    expect(
      seen.get('outrigger_balance_share_over_weight{outrigger_cluster="greeter",outrigger_endpoint="c:1"}'),
    ).to.equal(0.5);
  });

  it('shows nothing without a snapshot', () => {
    const broken = (): never => {
      throw new Error('not yet');
    };
    expect(samples(broken).size).to.equal(0);
  });
});
