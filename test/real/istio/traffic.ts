import { connectGreeter } from '../../support/greeter-client.ts';
import { freeAddresses } from '../../support/sidecar-process.ts';
import { type Checks, expectThat, until } from '../checks.ts';
import { startLoad } from '../xds/load.ts';
import { inboundOf, to } from './mesh.ts';
import { admin, callMany, metadataOf, patienceMs, reaches, type Stage } from './stage.ts';

/** What a VirtualService, a DestinationRule and a ServiceEntry of Istio do to calls through a sidecar. */

const v1 = ['a', 'b'];
const unavailable = { code: 14, details: 'injected' };

async function virtualService({ check }: Checks, stage: Stage): Promise<void> {
  const { serve, flavour } = stage;
  await check(`${flavour}: calls arrive at the replicas of a subset`, async () => {
    await reaches(stage, v1);
    const replicas = [...(await callMany(stage, 40)).keys()].sort();
    expectThat(replicas.join() === 'a,b', `calls ended with ${replicas}`);
  });
  await check(`${flavour}: a split sends its share to each subset`, async () => {
    await serve({ http: [{ route: [to('v2')] }] });
    await reaches(stage, ['c']);
    await serve({ http: [{ route: [to('v1', 70), to('v2', 30)] }] });
    await reaches(stage, v1);
    const share = ((await callMany(stage, 400)).get('c') ?? 0) / 400;
    expectThat(share > 0.2 && share < 0.4, `${share} of the calls went to 30 percent`);
  });
  await check(`${flavour}: conditions on headers, and withoutHeaders for absent ones`, async () => {
    const match = [{ headers: { 'x-canary': { exact: '1' } }, withoutHeaders: { 'x-old': { exact: '1' } } }];
    await serve({ http: [{ match, route: [to('v2')] }, { route: [to('v1')] }] });
    await reaches(stage, ['c'], metadataOf({ 'x-canary': '1' }));
    await reaches(stage, v1);
    const others: Array<Record<string, string>> = [{ 'x-canary': '2' }, { 'x-canary': '1', 'x-old': '1' }];
    for (const values of others) {
      const [only] = (await callMany(stage, 1, metadataOf(values))).keys();
      expectThat(v1.includes(only), `${JSON.stringify(values)} leads to ${only}`);
    }
    const [only] = (await callMany(stage, 1, metadataOf({ 'x-canary': '1', 'x-old': '2' }))).keys();
    expectThat(only === 'c', `another value of x-old leads to ${only}`);
  });
  await check(`${flavour}: a timeout ends a call`, async () => {
    await serve({ http: [{ route: [to('v2')], timeout: '0.300s', retries: { attempts: 0 } }] });
    stage.greeters.c.delayMs = 1500;
    await reaches(stage, ['4 ']);
    stage.greeters.c.delayMs = 0;
  });
  await check(`${flavour}: retries hide a replica that fails`, async () => {
    stage.greeters.a.failure = unavailable;
    await serve({ http: [{ route: [to('v1')], retries: { attempts: 0 } }] });
    await reaches(stage, ['14 ']);
    await serve({
      http: [{ route: [to('v1')], retries: { attempts: 3, retryOn: 'unavailable', perTryTimeout: '2s' } }],
    });
    await until(
      'no call fails',
      patienceMs,
      async () => [...(await callMany(stage, 30)).keys()].join() === 'b',
    );
    stage.greeters.a.failure = null;
  });
  await check(`${flavour}: faults abort and delay calls`, async () => {
    const percentage = { value: 100 };
    await serve({
      http: [{ route: [to('v1')], fault: { abort: { percentage, grpcStatus: 'PERMISSION_DENIED' } } }],
    });
    await reaches(stage, ['7 ']);
    await serve({ http: [{ route: [to('v1')], fault: { delay: { percentage, fixedDelay: '0.400s' } } }] });
    await reaches(stage, v1);
    const startMs = performance.now();
    await callMany(stage, 1);
    const ms = performance.now() - startMs;
    expectThat(ms > 390, `a call with a delay of 400 ms took ${ms} ms`);
  });
}

async function destinationRule({ check }: Checks, stage: Stage): Promise<void> {
  const { serve, flavour } = stage;
  await check(`${flavour}: a consistent hash sends a user to one replica`, async () => {
    await serve({ trafficPolicy: { loadBalancer: { consistentHash: { httpHeaderName: 'x-user' } } } });
    await until('the balancer is applied', patienceMs, async () =>
      (await admin(stage, '/config_dump')).includes('policy: ring_hash'),
    );
    const used = new Set<string>();
    for (let user = 0; user < 30; user++) {
      const replicas = [...(await callMany(stage, 5, metadataOf({ 'x-user': `user-${user}` }))).keys()];
      expectThat(replicas.length === 1, `user ${user} is at ${replicas}`);
      used.add(replicas[0]);
    }
    expectThat([...used].sort().join() === 'a,b', `all users are at ${[...used]}`);
  });
  // Istio sends no outlier detection to gRPC clients.
  if (flavour === 'proxyless') return;
  await check(`${flavour}: outlier detection ejects a replica that fails`, async () => {
    const outlierDetection = { consecutive5xxErrors: 3, baseEjectionTime: '60s', maxEjectionPercent: 100 };
    // Round robin goes on sending calls to a replica that fails.
    const trafficPolicy = { loadBalancer: { simple: 'ROUND_ROBIN' }, outlierDetection };
    stage.greeters.a.failure = unavailable;
    try {
      await serve({ http: [{ route: [to('v1')], retries: { attempts: 0 } }], trafficPolicy });
      await until('the replica is ejected', patienceMs, async () => {
        await callMany(stage, 10);
        return /ejected/.test(await admin(stage, '/clusters'));
      });
      const ended = [...(await callMany(stage, 20)).keys()];
      expectThat(ended.join() === 'b', `calls ended with ${ended}`);
    } finally {
      stage.greeters.a.failure = null;
    }
  });
}

async function serviceEntry({ check }: Checks, stage: Stage): Promise<void> {
  const { serve, push, flavour, replicas, greeters, sidecar } = stage;
  await serve({});
  await check(`${flavour}: replicas that come and go lose no call`, async () => {
    const load = startLoad(sidecar.listener, 10, stage.authority);
    const { d } = greeters;
    const startMs = performance.now();
    const before = d.calls;
    push({ replicas: [...replicas, { address: d.address, version: 'v1' }] });
    await until('the new replica gets calls', patienceMs, async () => d.calls > before);
    const ms = Math.round(performance.now() - startMs);
    await serve({});
    let last = -1;
    await until('the replica gets no more calls', patienceMs, async () => {
      const same = d.calls === last;
      last = d.calls;
      return same;
    });
    await load.stop();
    process.stdout.write(
      `          ${load.calls} calls; the first at the new replica ${ms} ms after the change\n`,
    );
    expectThat(load.failures.length === 0, `${load.failures.length} calls failed: ${load.failures[0]}`);
  });
}

async function inbound({ check }: Checks, stage: Stage): Promise<void> {
  const { serve, flavour, greeters } = stage;
  if (flavour === 'proxyless') return;
  await check(`${flavour}: an inbound listener leads to the server beside it`, async () => {
    const [address] = await freeAddresses(1);
    await serve({ others: [inboundOf(Number(address.split(':')[1]), greeters.d.address)] });
    const client = connectGreeter(address, { 'grpc.default_authority': stage.authority });
    await until(
      'a call arrives',
      patienceMs,
      async () => (await client.sayHello('in')).replies[0]?.replica === 'd',
    );
    client.close();
    await reaches(stage, v1);
  });
}

async function trouble({ check }: Checks, stage: Stage): Promise<void> {
  const { serve, push, flavour, pilot } = stage;
  await check(`${flavour}: what is refused is in /xds by name, and the last good version stays`, async () => {
    push({ http: [{ match: [{ scheme: { exact: 'https' } }], route: [to('v2')] }, { route: [to('v2')] }] });
    await until('the refusal is shown', patienceMs, async () =>
      /":scheme" can only be matched/.test(await admin(stage, '/xds')),
    );
    const [line] = (await admin(stage, '/xds')).match(/route +.*:scheme.*/) ?? [];
    process.stdout.write(`          ${line}\n`);
    // What became known beside the refused routes arrives all the same.
    await until('nothing is missing', patienceMs, async () =>
      (await kindsOf(stage)).every(({ missing }) => missing.length === 0),
    );
    const ended = [...(await callMany(stage, 10)).keys()];
    expectThat(
      ended.every((replica) => v1.includes(replica)),
      `calls ended with ${ended}`,
    );
    await serve({});
    await until('nothing is refused', patienceMs, async () =>
      (await kindsOf(stage)).every(({ refused }) => refused.length === 0),
    );
  });
  if (flavour === 'sidecar')
    await check(
      `${flavour}: a subset with TLS of an Istio agent is refused, and the other one serves`,
      async () => {
        push({ v2: { tls: { mode: 'SIMPLE', sni: 'greeter.example' } } });
        await until('the refusal is shown', patienceMs, async () =>
          /\|v2\|greeter\.example": .*is another service/.test(await admin(stage, '/xds')),
        );
        await reaches(stage, v1);
      },
    );
  await check(
    `${flavour}: calls go on without the control plane, and changes arrive after its restart`,
    async () => {
      await pilot.kill();
      const ended = [...(await callMany(stage, 20)).keys()];
      expectThat(
        ended.every((replica) => v1.includes(replica)),
        `calls ended with ${ended}`,
      );
      await pilot.start();
      await serve({ http: [{ route: [to('v2')] }] });
      await reaches(stage, ['c']);
    },
  );
}

interface Kind {
  readonly refused: readonly unknown[];
  readonly missing: readonly unknown[];
}

async function kindsOf(stage: Stage): Promise<readonly Kind[]> {
  return (JSON.parse(await admin(stage, '/xds?format=json')) as { kinds: Kind[] }).kinds;
}

export async function checkTraffic(checks: Checks, stage: Stage): Promise<void> {
  for (const part of [virtualService, destinationRule, serviceEntry, inbound, trouble])
    await part(checks, stage);
}
