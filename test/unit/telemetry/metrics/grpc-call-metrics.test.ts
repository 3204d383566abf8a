import { expect } from 'chai';
import type { CallRecord } from '../../../../src/telemetry/call-record.ts';
import { createCallMetrics, methodLabelCharsMax } from '../../../../src/telemetry/metrics/call-metrics.ts';
import { prometheusText } from '../../../../src/telemetry/metrics/prometheus-text.ts';
import { createRegistry } from '../../../../src/telemetry/metrics/registry.ts';
import { attemptRecord, callRecord } from '../records.ts';

describe('telemetry/metrics/grpc-call-metrics', () => {
  function rig({ grpcCalls = true, maxMethods = 200 } = {}) {
    const registry = createRegistry();
    const calls = createCallMetrics(registry, maxMethods, grpcCalls);
    return {
      calls,
      run(...records: CallRecord[]): void {
        for (const record of records) {
          calls.started(record);
          calls.settled(record);
        }
      },
      /** Counts and sums of the families of whole calls. */
      seen(): Record<string, number> {
        const { body } = prometheusText(registry, undefined);
        const lines = body.matchAll(
          /^(grpc_(?:server_call|client_call)\w*(?:_count|_sum|_started_total)\{.*\}) (\S+)$/gm,
        );
        return Object.fromEntries([...lines].map(([, series, value]) => [series, Number(value)]));
      },
    };
  }
  const method = 'grpc_method="helloworld.Greeter/SayHello"';

  it('shows whole calls by method and status, added up over clusters and listeners where there is no target', () => {
    const { run, seen } = rig();
    run(
      callRecord({ attempts: [attemptRecord(), attemptRecord({ number: 2 })] }),
      callRecord({ cluster: 'canary' }),
      callRecord({ listener: 'inbound' }),
      callRecord({ grpcStatus: 14, cluster: '', attempts: [] }),
    );
    const server = 'grpc_server_call';
    const client = 'grpc_client_call_duration_seconds_count';
    const found = seen();
    expect(found).to.include({
      [`${server}_started_total{${method}}`]: 4,
      [`${server}_duration_seconds_count{${method},grpc_status="OK"}`]: 3,
      [`${server}_duration_seconds_count{${method},grpc_status="UNAVAILABLE"}`]: 1,
      [`${server}_sent_total_compressed_message_size_bytes_sum{${method},grpc_status="OK"}`]: 3 * 34,
      [`${server}_rcvd_total_compressed_message_size_bytes_sum{${method},grpc_status="OK"}`]: 3 * 12,
      [`${client}{${method},grpc_status="OK",grpc_target="greeter"}`]: 2,
      [`${client}{${method},grpc_status="OK",grpc_target="canary"}`]: 1,
    });
    expect(Object.keys(found).filter((series) => series.startsWith(client))).to.have.length(2);
  });

  it('counts calls that have begun, those of a new method once one of them is over', () => {
    const { calls, seen } = rig();
    const started = () => seen()[`grpc_server_call_started_total{${method}}`];
    calls.started(callRecord());
    calls.started(callRecord());
    expect(started()).to.equal(undefined);
    calls.settled(callRecord());
    expect(started()).to.equal(2);
    calls.started(callRecord());
    expect(started()).to.equal(3);
    calls.started(callRecord({ grpc: false }));
    expect(started()).to.equal(3);
  });

  it('counts methods that clients make up as other, finished or not', () => {
    const { calls, run, seen } = rig({ maxMethods: 1 });
    run(callRecord());
    const strange = [
      callRecord({ path: '/made.Up/A', grpcStatus: 12 }),
      callRecord({ path: '/one.Too/Many' }),
      callRecord({ path: `/${'x'.repeat(methodLabelCharsMax + 1)}` }),
    ];
    run(...strange);
    for (let i = 0; i < 1000; i++) calls.started(callRecord({ path: `/hanging/${i}` }));
    const series = Object.entries(seen()).filter(([name]) => name.includes('started'));
    expect(series).to.deep.equal([
      [`grpc_server_call_started_total{${method}}`, 1],
      ['grpc_server_call_started_total{grpc_method="other"}', 3 + 1000 - 256],
    ]);
  });

  it('shows nothing unless it is turned on', () => {
    const { run, seen } = rig({ grpcCalls: false });
    run(callRecord());
    expect(seen()).to.deep.equal({});
  });
});
