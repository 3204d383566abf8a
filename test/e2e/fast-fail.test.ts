import { expect } from 'chai';
import type { GreeterClient } from '../support/greeter-client.ts';
import type { Greeter } from '../support/greeter-server.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { rig } from './rig.ts';

/** How many of so many calls failed, with so many in flight. */
async function failures(client: GreeterClient, count: number, inFlight: number): Promise<number> {
  let left = count;
  let failed = 0;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left--;
      if ((await client.sayHello('x')).code !== 0) failed++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return failed;
}

describe('a replica of five that fails every call at once, and so is never busy', () => {
  const { greeter, sidecar, client } = rig();

  async function replicas(delayMs = 5): Promise<Greeter[]> {
    const all = await Promise.all(
      [0, 1, 2, 3, 4].map((i) => greeter({ name: `r${i}`, delayMs: i && delayMs })),
    );
    all[0].failure = { code: 14, details: 'broken' };
    return all;
  }

  it('gets under 2% of the first 3,000 calls and under 0.1% of those after', async function () {
    judgesRealTime(this, 'the calls have to end before the ejection of 30 s does');
    const all = await replicas();
    const proxy = await sidecar(greeterConfig(all));
    const one = client(proxy.target());
    // Five failures in a row eject it for 30 s, and its penalty keeps them apart: not all need come in the first part.
    expect(await failures(one, 3000, 20), `seed ${proxy.seed}`).to.be.within(1, 59);
    expect(await failures(one, 6000, 20), `seed ${proxy.seed}`).to.be.below(6);
    // The calls are spread over the others as if it were not there.
    const shares = all.slice(1).map(({ calls }) => calls / 9000);
    for (const share of shares)
      expect(share, `shares ${shares}, seed ${proxy.seed}`).to.be.closeTo(0.25, 0.03);
  });

  it('gets under 2% of 3,000 calls by its penalty alone', async () => {
    const proxy = await sidecar(greeterConfig(await replicas(), { outlier: 'none' }));
    expect(await failures(client(proxy.target()), 3000, 20), `seed ${proxy.seed}`).to.be.within(1, 59);
  });

  it('would get most of them without it', async () => {
    const balancer = { failPenalty: { load: 0 } };
    // So slow that the delay, and not a busy machine, decides how soon the others answer.
    const proxy = await sidecar(greeterConfig(await replicas(100), { outlier: 'none', balancer }));
    expect(await failures(client(proxy.target()), 1000, 20), `seed ${proxy.seed}`).to.be.above(300);
  });
});
