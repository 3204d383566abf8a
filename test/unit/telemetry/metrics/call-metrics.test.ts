import { expect } from 'chai';
import type { CallRecord } from '../../../../src/telemetry/call-record.ts';
import { createCallMetrics, methodLabelCharsMax } from '../../../../src/telemetry/metrics/call-metrics.ts';
import { prometheusText } from '../../../../src/telemetry/metrics/prometheus-text.ts';
import { createRegistry } from '../../../../src/telemetry/metrics/registry.ts';
import { attemptRecord, callRecord } from '../records.ts';

function metricsOf(maxMethods = 200) {
  const registry = createRegistry();
  const calls = createCallMetrics(registry, maxMethods);
  return {
    calls,
    run(...records: CallRecord[]): void {
      for (const record of records) {
        calls.started(record);
        for (const _ of record.attempts) calls.attemptStarted(record);
        calls.settled(record);
      }
    },
    /** The value of the one sample of that name and, if given, labels. */
    value(name: string, labels = ''): number | undefined {
      const line = prometheusText(registry, undefined)
        .body.split('\n')
        .find((one) => one.startsWith(name) && /[ {]/.test(one[name.length]) && one.includes(labels));
      return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1));
    },
  };
}

describe('telemetry/metrics/call-metrics', () => {
  it('counts calls by method and status, in seconds', () => {
    const { run, value } = metricsOf();
    run(callRecord(), callRecord(), callRecord({ grpcStatus: 5 }));
    const name = 'rpc_server_call_duration_seconds';
    const method =
      'rpc_method="helloworld.Greeter/SayHello",outrigger_cluster="greeter",outrigger_listener="outbound"';
    const status = (code: string) => `rpc_response_status_code="${code}",rpc_status_code="${code}"`;
    expect(value(`${name}_count`, `${method},${status('OK')}`)).to.equal(2);
    expect(value(`${name}_count`, `${method},${status('NOT_FOUND')}`)).to.equal(1);
    expect(value(`${name}_sum`, 'rpc_status_code="OK"')).to.be.closeTo(0.04, 1e-9);
    expect(value(`${name}_bucket`, 'rpc_status_code="OK",le="0.01"')).to.equal(0);
    expect(value(`${name}_bucket`, 'rpc_status_code="OK",le="0.025"')).to.equal(2);
  });

  it('names the error where the conventions call a status one', () => {
    const { run, value } = metricsOf();
    run(
      callRecord({ grpcStatus: 5, attempts: [attemptRecord({ grpcStatus: 5 })] }),
      callRecord({ grpcStatus: 13, attempts: [attemptRecord({ grpcStatus: 13 })] }),
    );
    const server = 'rpc_server_call_duration_seconds_count';
    expect(value(server, 'rpc_status_code="NOT_FOUND"}')).to.equal(1);
    expect(value(server, 'rpc_status_code="INTERNAL",error_type="INTERNAL"}')).to.equal(1);
    expect(
      value('rpc_client_call_duration_seconds_count', 'rpc_status_code="NOT_FOUND",error_type="NOT_FOUND"}'),
    ).to.equal(1);
  });

  it('counts attempts, also under the names of gRFC A66, and retries', () => {
    const { run, value } = metricsOf();
    run(
      callRecord({
        attempts: [
          attemptRecord({ grpcStatus: -1, error: 'connect_failed', endedMs: 1002 }),
          attemptRecord({ number: 2, grpcStatus: 14, tally: 'error', kind: 'transparent' }),
          attemptRecord({ number: 3, kind: 'retry' }),
        ],
      }),
      callRecord(),
    );
    expect(value('rpc_client_call_duration_seconds_count', 'rpc_status_code="UNAVAILABLE"')).to.equal(2);
    expect(value('rpc_client_call_duration_seconds_count', 'rpc_status_code="OK"')).to.equal(2);
    const target = 'grpc_method="helloworld.Greeter/SayHello",grpc_target="greeter"';
    expect(value('grpc_client_attempt_started_total', `{${target}}`)).to.equal(4);
    expect(value('grpc_client_attempt_duration_seconds_count', `${target},grpc_status="OK"`)).to.equal(2);
    expect(
      value('grpc_client_attempt_sent_total_compressed_message_size_bytes_sum', 'grpc_status="OK"'),
    ).to.equal(24);
    expect(
      value('grpc_client_attempt_rcvd_total_compressed_message_size_bytes_sum', 'grpc_status="OK"'),
    ).to.equal(68);
    const why = (kind: string, outcome: string) =>
      value('outrigger_retries_total', `outrigger_reason="${kind}",outrigger_outcome="${outcome}"`);
    expect([why('transparent', 'failure'), why('retry', 'success')]).to.deep.equal([1, 1]);
  });

  it('counts the attempts that a policy would have had, for HTTP too', () => {
    const { run, value } = metricsOf();
    const refused = attemptRecord({ grpcStatus: 14, withheld: 'budget' });
    run(
      callRecord({ attempts: [refused] }),
      callRecord({ grpc: false, attempts: [{ ...refused, httpStatus: 503 }] }),
    );
    const labels = 'outrigger_route="hello",outrigger_cluster="greeter",outrigger_reason="budget"';
    const method = 'rpc_method="helloworld.Greeter/SayHello",';
    expect(value('outrigger_retries_withheld_total', `{${method}${labels}}`)).to.equal(1);
    expect(value('outrigger_retries_withheld_total', `{${labels}}`)).to.equal(1);
  });

  it('takes an attempt that was broken off for what its end says', () => {
    const { run, value } = metricsOf();
    const attempts = [attemptRecord({ grpcStatus: -1, endedMs: 0 })];
    run(callRecord({ grpcStatus: 1, endedBy: 'client', attempts }));
    const name = 'rpc_client_call_duration_seconds';
    expect(value(`${name}_count`, 'rpc_status_code="CANCELLED"')).to.equal(1);
    expect(value(`${name}_sum`)).to.be.closeTo(0.019, 1e-9);
  });

  it('takes a call that its client left for cancelled', () => {
    const { run, value } = metricsOf();
    run(
      callRecord({ grpcStatus: -1, endedBy: 'client' }),
      callRecord({ grpcStatus: -1, endedBy: 'upstream' }),
    );
    expect(value('rpc_server_call_duration_seconds_count', 'rpc_status_code="CANCELLED"')).to.equal(1);
    expect(value('rpc_server_call_duration_seconds_count', 'rpc_status_code="UNKNOWN"')).to.equal(1);
  });

  it('counts messages and bytes each way', () => {
    const { run, value } = metricsOf();
    run(callRecord({ requestMessages: 3, responseMessages: 4 }));
    expect(value('outrigger_messages_total', 'direction="request"')).to.equal(3);
    expect(value('outrigger_messages_total', 'direction="response"')).to.equal(4);
    expect(value('outrigger_message_bytes_total', 'direction="request"')).to.equal(12);
    expect(value('outrigger_message_bytes_total', 'direction="response"')).to.equal(34);
  });

  it('knows calls and attempts in progress', () => {
    const { calls, value } = metricsOf();
    const record = callRecord();
    calls.started(record);
    expect(value('outrigger_calls_active', 'outrigger_listener="outbound"')).to.equal(1);
    calls.attemptStarted(record);
    calls.settled(record);
    expect(value('outrigger_calls_active')).to.equal(0);
    calls.attemptStarted(record);
    expect(value('grpc_client_attempt_started_total'), 'before it ends').to.equal(2);
  });

  it('counts what Outrigger answered itself', () => {
    const { run, value } = metricsOf();
    run(callRecord({ grpcStatus: 12, error: 'no_route', attempts: [] }));
    expect(value('outrigger_errors_total', 'outrigger_error="no_route"')).to.equal(1);
  });

  it('keeps calls apart by listener, and attempts together', () => {
    const { run, value } = metricsOf();
    run(callRecord({ listener: 'a' }), callRecord({ listener: 'b' }), callRecord({ listener: 'b' }));
    for (const listener of ['a', 'b'])
      run(callRecord({ listener, grpcStatus: 14, error: 'no_endpoint', attempts: [] }));
    for (const [listener, calls] of [
      ['a', 1],
      ['b', 2],
    ] as const) {
      const labels = `outrigger_listener="${listener}",rpc_response_status_code="OK"`;
      expect(value('rpc_server_call_duration_seconds_count', labels)).to.equal(calls);
      const error = `outrigger_error="no_endpoint",outrigger_listener="${listener}"`;
      expect(value('outrigger_errors_total', error)).to.equal(1);
    }
    expect(value('grpc_client_attempt_started_total')).to.equal(3);
  });

  it('keeps a method apart by cluster', () => {
    const { run, value } = metricsOf();
    run(callRecord(), callRecord({ cluster: 'v2' }), callRecord({ cluster: 'v2' }));
    expect(value('rpc_server_call_duration_seconds_count', 'outrigger_cluster="greeter"')).to.equal(1);
    expect(value('rpc_server_call_duration_seconds_count', 'outrigger_cluster="v2"')).to.equal(2);
  });

  it('calls methods beyond maxMethods other', () => {
    const { run, value } = metricsOf(2);
    for (let i = 0; i < 5; i++) run(callRecord({ path: `/s.S/M${i}` }));
    run(callRecord({ path: '/s.S/M1' }));
    const name = 'rpc_server_call_duration_seconds_count';
    expect(value(name, 'rpc_method="s.S/M0"')).to.equal(1);
    expect(value(name, 'rpc_method="s.S/M1"')).to.equal(2);
    expect(value(name, 'rpc_method="s.S/M2"')).to.equal(undefined);
    expect(value(name, 'rpc_method="other"')).to.equal(3);
    expect(value('grpc_client_attempt_started_total', 'grpc_method="other"')).to.equal(3);
  });

  it('calls methods with long names other, from their first attempt on, and gives them no place', () => {
    const { calls, run, value } = metricsOf(2);
    const long = (i: number) => callRecord({ path: `/${`${i}`.padEnd(methodLabelCharsMax + 1, 'x')}` });
    for (let i = 0; i < 300; i++) calls.attemptStarted(long(i));
    expect(value('grpc_client_attempt_started_total', 'grpc_method="other"')).to.equal(300);
    for (let i = 0; i < 100; i++) run(long(i));
    const longest = `${'y'.repeat(methodLabelCharsMax)}`;
    run(callRecord(), callRecord({ path: `/${longest}` }));
    const name = 'rpc_server_call_duration_seconds_count';
    expect(value(name, 'rpc_method="other"')).to.equal(100);
    expect(value(name, 'rpc_method="helloworld.Greeter/SayHello"')).to.equal(1);
    expect(value(name, `rpc_method="${longest}"`)).to.equal(1);
  });

  it('writes no control character into a label', () => {
    const registry = createRegistry();
    createCallMetrics(registry, 200).settled(callRecord({ path: '/a\u001b\u009b\u202e\u2028\ud800"\\\n' }));
    const { body } = prometheusText(registry, undefined);
    expect(body).to.include('rpc_method="a\ufffd\ufffd\ufffd\ufffd\ufffd\\"\\\\\\n"');
  });

  it('takes __proto__ and constructor for names as any other', () => {
    const { run, value } = metricsOf();
    for (const path of ['/__proto__', '/constructor', '/toString/valueOf'])
      run(callRecord({ path, route: path }));
    for (const method of ['__proto__', 'constructor', 'toString/valueOf'])
      expect(value('rpc_server_call_duration_seconds_count', `rpc_method="${method}"`)).to.equal(1);
  });

  it('gives no place to methods that nobody implements', () => {
    const { run, value } = metricsOf(2);
    for (let i = 0; i < 1000; i++)
      run(
        callRecord({ path: `/scan.${i}/X`, grpcStatus: 12, attempts: [attemptRecord({ grpcStatus: 12 })] }),
      );
    run(callRecord());
    const name = 'rpc_server_call_duration_seconds_count';
    expect(value(name, 'rpc_method="other"')).to.equal(1000);
    expect(value(name, 'rpc_method="helloworld.Greeter/SayHello"')).to.equal(1);
    expect(value('grpc_client_attempt_started_total', 'grpc_method="other"')).to.equal(1000);
  });

  it('does not let a peer make up statuses or HTTP methods', () => {
    const { run, value } = metricsOf();
    run(callRecord({ grpcStatus: 99 }));
    expect(value('rpc_server_call_duration_seconds_count', 'rpc_status_code="UNKNOWN"')).to.equal(1);
    const http = { grpc: false, grpcStatus: -1, route: 'api' };
    run(
      callRecord({ ...http, httpMethod: 'GET', httpStatus: 200 }),
      callRecord({ ...http, httpMethod: 'BREW', httpStatus: 999 }),
    );
    const name = 'http_server_request_duration_seconds_count';
    expect(
      value(
        name,
        '{http_request_method="GET",http_response_status_code="200",url_scheme="http",network_protocol_version="2",outrigger_route="api",outrigger_listener="outbound"}',
      ),
    ).to.equal(1);
    expect(
      value(
        name,
        '{http_request_method="_OTHER",url_scheme="http",network_protocol_version="2",outrigger_route="api",outrigger_listener="outbound",error_type="no_response"}',
      ),
    ).to.equal(1);
  });
});
