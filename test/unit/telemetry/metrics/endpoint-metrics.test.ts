import { expect } from 'chai';
import {
  type EndpointSnapshot,
  registerEndpointMetrics,
} from '../../../../src/telemetry/metrics/endpoint-metrics.ts';
import { prometheusText } from '../../../../src/telemetry/metrics/prometheus-text.ts';
import { createRegistry } from '../../../../src/telemetry/metrics/registry.ts';
import { endpointSnapshot } from './snapshots.ts';

describe('telemetry/metrics/endpoint-metrics', () => {
  const samples = (snapshot: () => EndpointSnapshot[]): Map<string, number> => {
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

  it('shows nothing where there is no snapshot to be had', () => {
    const broken = (): never => {
      throw new Error('not yet');
    };
    expect(samples(broken).size).to.equal(0);
  });
});
