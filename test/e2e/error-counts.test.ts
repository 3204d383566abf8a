import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { connectRaw, grpcHead, grpcMessage } from '../support/raw-http2.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { http2Replica } from './blame-rig.ts';
import { rig } from './rig.ts';

/** What is asked of the replica, and whether a call that ends so counts as an error. */
const calls: Array<readonly [name: string, head: Record<string, string>, counts: 'ok' | 'error' | 'client']> =
  [
    ['OK', {}, 'ok'],
    ['NOT_FOUND', { 'x-do': 'grpc 5' }, 'client'],
    ['CANCELLED by the server', { 'x-do': 'grpc 1' }, 'client'],
    ['RESOURCE_EXHAUSTED', { 'x-do': 'grpc 8' }, 'client'],
    ['UNKNOWN', { 'x-do': 'grpc 2' }, 'error'],
    ['DEADLINE_EXCEEDED by the server', { 'x-do': 'grpc 4' }, 'error'],
    ['UNIMPLEMENTED', { 'x-do': 'grpc 12' }, 'error'],
    ['INTERNAL', { 'x-do': 'grpc 13' }, 'error'],
    ['UNAVAILABLE', { 'x-do': 'grpc 14' }, 'error'],
    ['a reset', { 'x-do': 'reset 2' }, 'error'],
    ['a reset for too much', { 'x-do': 'reset 11' }, 'client'],
    ['a web request reset for too much', { ':method': 'GET', 'x-do': 'reset 11' }, 'error'],
    ['a redirect for a gRPC call, which is UNKNOWN', { 'x-do': 'http 302' }, 'error'],
    ['HTTP 204 for a gRPC call', { 'x-do': 'http 204' }, 'error'],
    ['HTTP 431 for a gRPC call', { 'x-do': 'http 431' }, 'client'],
    ['a deadline that had passed', { 'grpc-timeout': '1n' }, 'client'],
    ['a deadline with no time to work', { 'x-do': 'hang', 'grpc-timeout': '4m' }, 'client'],
    ['a deadline that the replica missed', { 'x-do': 'hang', 'grpc-timeout': '60m' }, 'error'],
    ['HTTP 204', { ':method': 'GET', 'x-do': 'http 204' }, 'ok'],
    ['HTTP 404', { ':method': 'GET', 'x-do': 'http 404' }, 'client'],
    ['HTTP 500', { ':method': 'GET', 'x-do': 'http 500' }, 'error'],
    ['HTTP 503', { ':method': 'GET', 'x-do': 'http 503' }, 'error'],
  ];

describe('errors are counted by one definition', () => {
  const { sidecar, defer } = rig();

  it('by totals, endpoints, metrics, lists of calls and access log alike', async () => {
    const replica = await http2Replica();
    defer(() => replica.close());
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-errors-'));
    defer(() => rmSync(folder, { recursive: true }));
    const log = join(folder, 'access.log');
    const proxy = await sidecar(
      greeterConfig(
        [replica],
        { health: 'none', outlier: 'none' },
        { telemetry: { accessLog: { to: `file:${log}`, sample: 0 } } },
      ),
    );
    const client = connectRaw(proxy.target());
    defer(() => client.close());
    for (const [, head] of calls) {
      if (head[':method'] === undefined)
        await client.request(grpcHead('/a.B/C', head), grpcMessage(Buffer.alloc(3)));
      else await client.request({ ':path': '/page', ...head });
    }
    const { stream, reply } = client.open(grpcHead('/a.B/C', { 'x-do': 'hang' }));
    stream.end(grpcMessage(Buffer.alloc(3)));
    await until(
      () => proxy.cluster().active === 1,
      () => 'the last call has not begun',
    );
    stream.close(8);
    await reply;
    await until(
      () => proxy.calls().length === calls.length + 1,
      () => `${proxy.calls().length} calls are over`,
    );

    const errors = calls.filter(([, , counts]) => counts === 'error').length;
    const clientErrors = calls.filter(([, , counts]) => counts === 'client').length + 1;
    const get = async (path: string) => (await fetch(`${proxy.adminUrl}${path}`)).text();
    const { totals } = JSON.parse(await get('/stats?format=json'));
    expect(totals).to.include({ calls: calls.length + 1, errors, clientErrors });
    const [point] = JSON.parse(await get('/clusters?format=json'));
    // One of the calls was refused, and no endpoint asked.
    expect(point.endpoints[0]).to.include({ error: errors, other: clientErrors - 1, total: calls.length });
    const metrics = await get('/metrics');
    const sum = (of: RegExp) =>
      [...metrics.matchAll(of)].reduce(
        (total, [, labels, value]) => total + (/error_type=/.test(labels) ? Number(value) : 0),
        0,
      );
    expect(
      sum(/^rpc_server_call_duration_seconds_count\{(.*)\} (\d+)$/gm) +
        sum(/^http_server_request_duration_seconds_count\{(.*)\} (\d+)$/gm),
    ).to.equal(errors);
    const traces = JSON.parse(await get('/traces?format=json'));
    expect(traces.failed).to.have.length(errors);
    expect(traces.clientErrors).to.have.length(clientErrors);
    await until(
      () => readFileSync(log, 'utf8').split('\n').length > errors,
      () => 'the access log has too few lines',
    );
    expect(
      readFileSync(log, 'utf8').trim().split('\n'),
      'sample is 0: errors alone have lines',
    ).to.have.length(errors);
  });
});
