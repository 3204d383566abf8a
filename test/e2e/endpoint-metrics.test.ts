import { expect } from 'chai';
import { loadConfig } from '../../src/config/load.ts';
import { checkSafeRegex } from '../../src/routing/safe-regex.ts';
import { connectRaw, grpcHead, grpcMessage } from '../support/raw-http2.ts';
import { greeterConfig, type Sidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { http2Replica } from './blame-rig.ts';
import { rig } from './rig.ts';

/** Every sample of a scrape by its name and labels. */
async function scrape(proxy: Sidecar): Promise<Map<string, number>> {
  const text = await (await fetch(`${proxy.adminUrl}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

describe('metrics of endpoints', () => {
  const { sidecar, defer } = rig();

  it('count exactly the load that was made, per endpoint, outcome and duration', async () => {
    const replicas = [await http2Replica(), await http2Replica()];
    for (const replica of replicas) defer(() => replica.close());
    const proxy = await sidecar(
      greeterConfig(replicas, { health: 'none', outlier: 'none', balancer: { policy: 'round_robin' } }),
    );
    const client = connectRaw(proxy.target());
    defer(() => client.close());
    const body = grpcMessage(Buffer.alloc(3));
    // By turns: each of the two gets half of every sort.
    const load: Array<readonly [times: number, head: Record<string, string>]> = [
      [40, {}],
      [20, { 'x-do': 'grpc 5' }],
      [10, { 'x-do': 'grpc 14' }],
      [4, { 'x-do': 'hang', 'grpc-timeout': '120m' }],
    ];
    for (const [times, head] of load)
      for (let i = 0; i < times; i++) await client.request(grpcHead('/a.B/C', head), body);
    // Refused here: no endpoint is asked.
    await client.request(grpcHead('/a.B/C', { 'grpc-timeout': '1n' }), body);
    await until(
      () => proxy.calls().length === 75,
      () => `${proxy.calls().length} calls are over`,
    );

    const seen = await scrape(proxy);
    const subchannels = 'grpc_subchannel_connection_attempts_succeeded_total{grpc_target="greeter"}';
    const open = 'grpc_subchannel_open_connections{grpc_target="greeter",grpc_security_level="none"}';
    expect([seen.get(subchannels), seen.get(open)]).to.deep.equal([2, 2]);
    for (const { address } of replicas) {
      const labels = `outrigger_cluster="greeter",outrigger_endpoint="${address}"`;
      const attempts = (outcome: string) =>
        seen.get(`outrigger_endpoint_attempts_total{${labels},outrigger_outcome="${outcome}"}`);
      expect([attempts('success'), attempts('error'), attempts('other')]).to.deep.equal([20, 7, 10]);
      const method = `{${labels},rpc_method="a.B/C"}`;
      expect(seen.get(`outrigger_endpoint_method_attempts_total${method}`)).to.equal(37);
      const name = 'outrigger_endpoint_attempt_duration_seconds';
      expect(seen.get(`${name}_count{${labels}}`)).to.equal(37);
      expect(seen.get(`${name}_bucket{${labels},le="+Inf"}`)).to.equal(37);
      const slow = 37 - seen.get(`${name}_bucket{${labels},le="0.1"}`)!;
      expect(slow, 'those that waited for their deadline').to.be.at.least(2);
      expect(seen.get(`${name}_sum{${labels}}`)).to.be.at.least(0.24);
      expect(seen.get(`outrigger_endpoint_total{${labels}}`), 'the old name').to.equal(37);
      expect(seen.get(`outrigger_endpoint_errors_total{${labels}}`)).to.equal(7);
    }
  });

  it('are gone with their endpoint, and a cluster that is rebuilt goes on counting', async () => {
    const [first, second] = [await http2Replica(), await http2Replica()];
    for (const replica of [first, second]) defer(() => replica.close());
    const config = (replicas: Array<typeof first>, more = {}) => ({
      admin: { listen: '127.0.0.1:0' },
      drain: { grace: '2s', goawayDelay: '0s' },
      ...greeterConfig(replicas, { health: 'none', balancer: { policy: 'round_robin' }, ...more }),
    });
    const before = config([first, second]);
    const shapes = [config([first, second], { limits: { maxPending: 7 } }), config([first])];
    const proxy = await sidecar(before, {
      load: () =>
        loadConfig({
          flags: { config: 'outrigger.yaml' },
          env: {},
          checkRegex: checkSafeRegex,
          readFile: () => ({ value: Buffer.from(JSON.stringify(shapes.shift())) }),
        }),
    });
    const client = connectRaw(proxy.target());
    defer(() => client.close());
    const count = async (address: string) =>
      (await scrape(proxy)).get(
        `outrigger_endpoint_attempt_duration_seconds_count{outrigger_cluster="greeter",outrigger_endpoint="${address}"}`,
      );
    const connections = async () =>
      (await scrape(proxy)).get('grpc_subchannel_connection_attempts_succeeded_total{grpc_target="greeter"}');
    const reload = async () => expect((await proxy.app.reload('the test')).ok).to.equal(true);
    const ask = () => client.request(grpcHead('/a.B/C'), grpcMessage(Buffer.alloc(3)));
    for (let i = 0; i < 10; i++) await ask();
    expect([await count(first.address), await count(second.address)]).to.deep.equal([5, 5]);
    expect(await connections()).to.equal(2);
    await reload();
    for (let i = 0; i < 10; i++) await ask();
    expect([await count(first.address), await count(second.address)]).to.deep.equal([10, 10]);
    expect(await connections()).to.equal(4);
    await reload();
    expect([await count(first.address), await count(second.address)]).to.deep.equal([10, undefined]);
  });
});
