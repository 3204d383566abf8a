import { expect } from 'chai';
import { TraceId } from '../../../../src/core/trace-id.ts';
import type { AttemptRecord, CallRecord } from '../../../../src/telemetry/call-record.ts';
import { createHttpMetrics, httpMethodLabel } from '../../../../src/telemetry/metrics/http-metrics.ts';
import { prometheusText } from '../../../../src/telemetry/metrics/prometheus-text.ts';
import { createRegistry } from '../../../../src/telemetry/metrics/registry.ts';
import { attemptRecord, callRecord } from '../records.ts';

describe('telemetry/metrics/http-metrics', () => {
  const request = (over: Partial<CallRecord> = {}): CallRecord =>
    callRecord({ grpc: false, grpcStatus: -1, httpMethod: 'GET', route: 'api', cluster: 'web', ...over });
  const attempt = (over: Partial<AttemptRecord> = {}): AttemptRecord =>
    attemptRecord({ grpcStatus: -1, httpVersion: '1.1', ...over });

  /** The counts of a family by their labels. */
  function countsOf(family: string, records: readonly CallRecord[]): Record<string, number> {
    const registry = createRegistry();
    const metrics = createHttpMetrics(registry, [0.01, 1]);
    for (const record of records) metrics.settled(record);
    const found = prometheusText(registry, undefined).body.matchAll(
      new RegExp(`^${family}_count\\{(.*)\\} (\\d+)$`, 'gm'),
    );
    return Object.fromEntries([...found].map(([, labels, count]) => [labels, Number(count)]));
  }
  const server = 'http_server_request_duration_seconds';
  const client = 'http_client_request_duration_seconds';

  it('counts requests with the labels of the conventions', () => {
    const secure = { scheme: 'https', httpVersion: '1.1' } as const;
    const records = [request(), request(), request(secure), request({ ...secure, httpStatus: 503 })];
    const where = 'outrigger_route="api",outrigger_listener="outbound"';
    const head = (status: number, scheme: string, version: string) =>
      `http_request_method="GET",http_response_status_code="${status}",url_scheme="${scheme}",network_protocol_version="${version}"`;
    expect(countsOf(server, records)).to.deep.equal({
      [`${head(200, 'http', '2')},${where}`]: 2,
      [`${head(200, 'https', '1.1')},${where}`]: 1,
      [`${head(503, 'https', '1.1')},${where},error_type="503"`]: 1,
    });
  });

  it('counts attempts by what the endpoint speaks, with what they failed with', () => {
    const records = [
      request({ attempts: [attempt({ httpStatus: 503 }), attempt({ number: 2 })] }),
      request({ attempts: [attempt({ httpStatus: 0, error: 'connect_failed' })], httpStatus: 503 }),
      request({ attempts: [attempt({ error: 'upstream_reset', scheme: 'https', httpVersion: '2' })] }),
      request({ attempts: [attempt({ httpStatus: 0 })], httpStatus: 0, endedBy: 'client' }),
      request({ attempts: [] }),
    ];
    const method = 'http_request_method="GET"';
    const cleartext = 'url_scheme="http",network_protocol_version="1.1",outrigger_cluster="web"';
    const status = (code: number) => `http_response_status_code="${code}"`;
    expect(countsOf(client, records)).to.deep.equal({
      [`${method},${status(200)},${cleartext}`]: 1,
      [`${method},${status(503)},${cleartext},error_type="503"`]: 1,
      [`${method},${cleartext},error_type="connect_failed"`]: 1,
      [`${method},${cleartext},error_type="no_response"`]: 1,
      [`${method},${status(200)},url_scheme="https",network_protocol_version="2",outrigger_cluster="web",error_type="upstream_reset"`]: 1,
    });
  });

  it('leaves out what is not known of the connection', () => {
    const unknown = { scheme: '', httpVersion: '' } as const;
    const labels = Object.keys(countsOf(server, [request(unknown)]));
    expect(labels).to.deep.equal([
      'http_request_method="GET",http_response_status_code="200",outrigger_route="api",outrigger_listener="outbound"',
    ]);
  });

  it('does not let clients and endpoints make up series', () => {
    const records = Array.from({ length: 1000 }, (_, i) =>
      request({
        httpMethod: `M${i}`,
        path: `/${i}`,
        httpStatus: 600 + i,
        attempts: [attempt({ httpStatus: 600 + i })],
      }),
    );
    expect(Object.values(countsOf(server, records))).to.deep.equal([1000]);
    expect(Object.values(countsOf(client, records))).to.deep.equal([1000]);
    expect([httpMethodLabel('PATCH'), httpMethodLabel('patch')]).to.deep.equal(['PATCH', '_OTHER']);
  });

  it('has exemplars of attempts, too', () => {
    const registry = createRegistry();
    const traceId = TraceId.read('4bf92f3577b34da6a3ce929d0e0e4736');
    createHttpMetrics(registry, [1]).settled(request({ sampled: true, traceId, attempts: [attempt()] }));
    const text = prometheusText(registry, 'application/openmetrics-text').body;
    const exemplars = text.match(
      /^http_(?:server|client).*# \{trace_id="4bf92f3577b34da6a3ce929d0e0e4736"\} 0\.0(?:2|18) /gm,
    );
    expect(exemplars).to.have.length(2);
  });
});
