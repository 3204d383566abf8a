import { expect } from 'chai';
import { registerSubchannelMetrics } from '../../../src/runtime/subchannel-metrics.ts';
import { createMetricProducer } from '../../../src/telemetry/metrics/otlp-producer.ts';
import { prometheusText } from '../../../src/telemetry/metrics/prometheus-text.ts';
import { createRegistry } from '../../../src/telemetry/metrics/registry.ts';
import { SubchannelTable } from '../../../src/upstream/subchannels.ts';

describe('runtime/subchannel-metrics', () => {
  function rig() {
    const table = new SubchannelTable();
    const registry = createRegistry();
    registerSubchannelMetrics(registry, table);
    const plain = table.of({ cluster: 'orders', zone: 'eu-1', security: 'none' });
    const secure = table.of({ cluster: 'orders', zone: 'eu-1', security: 'privacy_and_integrity' });
    for (let i = 0; i < 3; i++) plain.connected();
    plain.disconnected('GOAWAY NO_ERROR');
    secure.connected();
    secure.failed++;
    table.of({ cluster: 'users', zone: '', security: 'none' }).connected();
    return registry;
  }

  it('has the names and labels of gRFC A94, and adds up what differs in security alone', () => {
    const lines = prometheusText(rig(), undefined).body.split('\n');
    expect(lines.filter((line) => line !== '' && !line.startsWith('#'))).to.deep.equal([
      'grpc_subchannel_connection_attempts_succeeded_total{grpc_target="orders",grpc_lb_locality="eu-1"} 4',
      'grpc_subchannel_connection_attempts_succeeded_total{grpc_target="users"} 1',
      'grpc_subchannel_connection_attempts_failed_total{grpc_target="orders",grpc_lb_locality="eu-1"} 1',
      'grpc_subchannel_connection_attempts_failed_total{grpc_target="users"} 0',
      'grpc_subchannel_disconnections_total{grpc_target="orders",grpc_lb_locality="eu-1",grpc_disconnect_error="GOAWAY NO_ERROR"} 1',
      'grpc_subchannel_open_connections{grpc_target="orders",grpc_lb_locality="eu-1",grpc_security_level="none"} 2',
      'grpc_subchannel_open_connections{grpc_target="orders",grpc_lb_locality="eu-1",grpc_security_level="privacy_and_integrity"} 1',
      'grpc_subchannel_open_connections{grpc_target="users",grpc_security_level="none"} 1',
    ]);
    expect(lines).to.include('# TYPE grpc_subchannel_open_connections gauge');
  });

  it('sends open connections over OTLP as an UpDownCounter', async () => {
    const { resourceMetrics } = await createMetricProducer(rig(), { name: 'test' }, () => 0).collect();
    const { metrics } = resourceMetrics.scopeMetrics[0];
    const kinds = metrics.map((metric) => [
      metric.descriptor.name,
      'isMonotonic' in metric ? metric.isMonotonic : 'gauge',
    ]);
    expect(kinds).to.deep.equal([
      ['grpc.subchannel.connection_attempts_succeeded', true],
      ['grpc.subchannel.connection_attempts_failed', true],
      ['grpc.subchannel.disconnections', true],
      ['grpc.subchannel.open_connections', false],
    ]);
  });
});
