import { execFileSync, spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { TraceId } from '../../../../src/core/trace-id.ts';
import { createCallMetrics } from '../../../../src/telemetry/metrics/call-metrics.ts';
import { registerEndpointMetrics } from '../../../../src/telemetry/metrics/endpoint-metrics.ts';
import { registerProcessMetrics } from '../../../../src/telemetry/metrics/process-metrics.ts';
import { prefersOpenMetrics, prometheusText } from '../../../../src/telemetry/metrics/prometheus-text.ts';
import { createRegistry, type Registry } from '../../../../src/telemetry/metrics/registry.ts';
import { attemptRecord, callRecord } from '../records.ts';
import { endpointSnapshot } from './snapshots.ts';

const openMetrics = 'application/openmetrics-text; version=1.0.0';

/** A registry with a value of everything that Outrigger exports. */
function fullRegistry(): Registry {
  const registry = createRegistry();
  const calls = createCallMetrics(registry, 200);
  registerEndpointMetrics(registry, () => [
    endpointSnapshot(),
    endpointSnapshot({ address: 'unix:/run/"a"\\b' }),
  ]);
  registerProcessMetrics(registry, 1_700_000_000_000, () => ({ downstream: 1, upstream: 3 })).stop();
  for (const record of [
    callRecord(),
    callRecord({ sampled: true, traceId: TraceId.read('4bf92f3577b34da6a3ce929d0e0e4736') }),
    callRecord({
      grpcStatus: 14,
      attempts: [attemptRecord({ grpcStatus: 14 }), attemptRecord({ number: 2, grpcStatus: 14 })],
    }),
    callRecord({ grpcStatus: 12, error: 'no_route', attempts: [] }),
    callRecord({ grpc: false, httpMethod: 'BREW', grpcStatus: -1, httpStatus: 500 }),
  ]) {
    calls.started(record);
    for (const _ of record.attempts) calls.attemptStarted(record);
    calls.settled(record);
  }
  return registry;
}

describe('telemetry/metrics/prometheus-text', () => {
  it('writes counters, gauges and histograms in the text format', () => {
    const registry = createRegistry();
    registry
      .counter({ name: 'outrigger.retries', help: 'Line\nand \\ and "quote".', unit: '{attempt}' })
      .bind({ 'a.b': 'x\n"\\y' })
      .add(2);
    registry.gauge({ name: 'temp', help: 'Now.', unit: 'By' }).bind({}).set(Number.NaN);
    registry
      .histogram({ name: 'rpc.server.call.duration', help: 'Took.', unit: 's', bounds: [0.5, 1] })
      .bind({ m: 'é' })
      .data.record(0.7);
    registry.counter({ name: 'unused', help: 'Never bound.', unit: '' });
    expect(prometheusText(registry, undefined)).to.deep.equal({
      type: 'text/plain; version=0.0.4; charset=utf-8',
      body: `# HELP outrigger_retries_total Line\\nand \\\\ and "quote".
# TYPE outrigger_retries_total counter
outrigger_retries_total{a_b="x\\n\\"\\\\y"} 2
# HELP temp_bytes Now.
# TYPE temp_bytes gauge
temp_bytes NaN
# HELP rpc_server_call_duration_seconds Took.
# TYPE rpc_server_call_duration_seconds histogram
rpc_server_call_duration_seconds_bucket{m="é",le="0.5"} 0
rpc_server_call_duration_seconds_bucket{m="é",le="1"} 1
rpc_server_call_duration_seconds_bucket{m="é",le="+Inf"} 1
rpc_server_call_duration_seconds_sum{m="é"} 0.7
rpc_server_call_duration_seconds_count{m="é"} 1
`,
    });
  });

  it('writes OpenMetrics with units, exemplars and an end for who asks', () => {
    const registry = createRegistry();
    registry.counter({ name: 'done', help: 'Say "done".', unit: '{call}' }).bind({}).add(1);
    const { data } = registry.histogram({ name: 'took', help: 'Took.', unit: 's', bounds: [1] }).bind({});
    data.recordExemplar(0.25, TraceId.read('4bf92f3577b34da6a3ce929d0e0e4736'), 1_700_000_000_500);
    const { type, body } = prometheusText(registry, openMetrics);
    expect(type).to.equal('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(body).to.equal(`# HELP done Say \\"done\\".
# TYPE done counter
done_total 1
# HELP took_seconds Took.
# TYPE took_seconds histogram
# UNIT took_seconds seconds
took_seconds_bucket{le="1.0"} 1 # {trace_id="4bf92f3577b34da6a3ce929d0e0e4736"} 0.25 1700000000.500
took_seconds_bucket{le="+Inf"} 1
took_seconds_sum 0.25
took_seconds_count 1
# EOF
`);
  });

  it('chooses by what the reader accepts', () => {
    expect(prefersOpenMetrics(undefined)).to.equal(false);
    expect(prefersOpenMetrics('*/*')).to.equal(false);
    expect(prefersOpenMetrics(openMetrics)).to.equal(true);
    // What Prometheus sends.
    expect(
      prefersOpenMetrics(
        'application/openmetrics-text;version=1.0.0;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1',
      ),
    ).to.equal(true);
    expect(prefersOpenMetrics('application/openmetrics-text;q=0.2,text/plain;q=0.9')).to.equal(false);
    expect(prefersOpenMetrics('application/openmetrics-text;version=2.0.0')).to.equal(false);
    expect(prefersOpenMetrics('application/openmetrics-text;q=0')).to.equal(false);
    expect(prefersOpenMetrics(';;,openmetrics;q=x,,')).to.equal(false);
  });

  it('gives every family one HELP and one TYPE, and every line the grammar', () => {
    for (const accept of [undefined, openMetrics]) {
      const { body } = prometheusText(fullRegistry(), accept);
      const types = [...body.matchAll(/^# TYPE (\S+) (counter|gauge|histogram)$/gm)].map((match) => match[1]);
      expect(new Set(types).size).to.equal(types.length);
      for (const line of body.trimEnd().split('\n')) {
        if (line.startsWith('#')) continue;
        expect(line).to.match(
          /^[a-z_][a-zA-Z0-9_]*(\{([a-z_][a-z0-9_]*="([^"\\\n]|\\["\\n])*",?)+\})? -?([0-9.e+-]+|NaN|\+Inf)( # \{trace_id="[0-9a-f]{32}"\} [0-9.]+ [0-9.]+)?$/,
        );
      }
    }
  });

  it('satisfies promtool', function () {
    if (spawnSync('promtool', ['--version']).error) {
      if (process.env.CI === 'true')
        throw new Error('promtool is missing; install the Debian package prometheus');
      console.log('      promtool is not installed; skipped');
      this.skip();
    }
    const input = prometheusText(fullRegistry(), undefined).body;
    const output = execFileSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8', stdio: 'pipe' });
    expect(output).to.equal('');
  });
});
