import type * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { greeterConfig } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

interface OrcaRequest {
  readonly reportInterval: { readonly seconds: string; readonly nanos: number } | null;
}
type Call = grpc.ServerWritableStream<OrcaRequest, unknown>;

/** An out-of-band service that reports at once, and whenever the test says so. */
function reporter(load: object) {
  const calls: Call[] = [];
  return {
    calls,
    handlers: {
      StreamCoreMetrics(call: Call) {
        calls.push(call);
        call.write(load);
      },
    } as unknown as grpc.UntypedServiceImplementation,
  };
}

const outOfBand = { period: '100ms' };

describe('load reports on streams, end to end', () => {
  const { greeter, sidecar, client } = rig();

  it('weigh the endpoints, without a report in any reply', async () => {
    const idle = reporter({ applicationUtilization: 0.2, rpsFractional: 100 });
    const busy = reporter({ applicationUtilization: 0.8, rpsFractional: 100 });
    const replicas = [
      await greeter({ name: 'idle', loadReports: idle.handlers }),
      await greeter({ name: 'busy', loadReports: busy.handlers }),
    ];
    const weightedRoundRobin = { blackoutPeriod: '0s', weightUpdatePeriod: '100ms' };
    const balancer = { policy: 'weighted_round_robin', weightedRoundRobin };
    const caller = await sidecar(greeterConfig(replicas, { balancer, loadReports: { outOfBand } }));
    const reported = (): boolean =>
      replicas.every(({ address }) => caller.endpoint(address).reportStream?.isReporting === true);
    await until(reported, () => 'an endpoint does not report');
    expect(idle.calls[0].request.reportInterval).to.deep.equal({ seconds: '0', nanos: 100_000_000 });
    expect(caller.endpoint(replicas[0].address).report).to.include({ weight: 500, utilization: 0.2 });
    const stub = client(caller.target());
    // The first picks may have come before the weights are calculated again.
    let toIdle = 0;
    const callsToIdle = async (): Promise<number> => {
      toIdle = 0;
      for (let i = 0; i < 50; i++) if ((await stub.sayHello('x')).replies[0].replica === 'idle') toIdle++;
      return toIdle;
    };
    await until(
      async () => Math.abs((await callsToIdle()) - 40) <= 1,
      () => `${toIdle} of 50 calls went to the endpoint with 4/5 of the weight`,
    );
    expect(caller.endpoint(replicas[0].address).active, 'no call is in flight').to.equal(0);
  });

  it('go to another connection when the server asks for that, and hold up no graceful end', async () => {
    const { calls, handlers } = reporter({ cpuUtilization: 0.5 });
    const replica = await greeter({ loadReports: handlers });
    const caller = await sidecar(greeterConfig([replica], { loadReports: { outOfBand } }));
    await until(
      () => calls.length === 1,
      () => 'no stream',
    );
    let cancelled = false;
    calls[0].on('cancelled', () => {
      cancelled = true;
    });
    // Waits for every stream to end.
    await replica.stop();
    expect(cancelled).to.equal(true);
    await until(
      () => caller.endpoint(replica.address).reportStream?.state !== 'open',
      () => 'still open',
    );
  });

  it('are not asked for again where the server has no such service', async () => {
    const replica = await greeter();
    const caller = await sidecar(greeterConfig([replica], { loadReports: { outOfBand } }));
    await until(
      () => caller.endpoint(replica.address).reportStream?.state === 'refused',
      () => 'not refused',
    );
    const { code } = await client(caller.target()).sayHello('x');
    expect(code).to.equal(0);
    const warnings = caller.log.filter((line) => line.includes('does not stream load reports'));
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.include('UNIMPLEMENTED');
  });
});
