import { expect } from 'chai';
import { connectGreeter, type GreeterClient } from '../support/greeter-client.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { HostileServer } from './support/hostile-server.ts';
import { answers, flooding, openings, says } from './support/hostilities.ts';
import { attackRig } from './support/rig.ts';
import { frame, goaway, Type } from './support/wire.ts';

const rssMaxMiB = 300;

describe('attack: hostile replicas', function () {
  judgesRealTime(this, 'the latency of an honest client beside the attack is judged', 2);
  const rows = [...openings, ...answers, ...flooding];
  const servers = rows.map(({ hostility }) => new HostileServer(hostility));
  // Answers nothing and gives every stream back, on every connection anew.
  const refusing = new HostileServer({ request: (peer) => peer.send(goaway(0, 0)) });
  const breaking = new HostileServer(says(() => [frame(Type.Goaway, 0, 0, Buffer.alloc(3))]));
  let client: GreeterClient;

  const route = (name: string) => ({
    name,
    match: { headers: [{ name: 'x-to', exact: name }] },
    cluster: name,
  });
  const rig = attackRig({
    listener: {
      routes: [
        ...rows.map((_, i) => route(`hostile-${i}`)),
        route('refusing'),
        route('breaking'),
        { name: 'all', cluster: 'greeter' },
      ],
    },
    clusters: async (replicas) => {
      await Promise.all([...servers, refusing, breaking].map((server) => server.listen()));
      const hostile = servers.map(({ address }, i) => ({
        name: `hostile-${i}`,
        endpoints: [{ address }],
        health: 'none',
        outlier: 'none',
      }));
      const mixed = (name: string, server: HostileServer) => ({
        name,
        endpoints: [{ address: server.address }, { address: replicas[0] }],
        health: 'none',
      });
      return [...hostile, mixed('refusing', refusing), mixed('breaking', breaking)];
    },
  });
  before(() => {
    client = connectGreeter(rig.target);
  });
  after(async () => {
    client.close();
    await Promise.all([...servers, refusing, breaking].map((server) => server.close()));
  });

  const call = (to: string) => client.sayHello('x', { metadata: [['x-to', to]], deadlineMs: 8000 });

  async function attacked(index: number): Promise<void> {
    const { ends, codes } = rows[index];
    const { code, details } = await call(`hostile-${index}`);
    expect(codes, `${code} ${details}`).to.include(code);
    const [first] = servers[index].peers;
    if (ends) await first.toldToGo();
    else expect(first.closed, 'only the stream was at fault').to.equal(false);
  }

  describe('that open with', () => {
    for (const [i, { name }] of openings.entries()) it(name, () => attacked(i));
  });
  describe('that answer with', () => {
    for (const [i, { name }] of answers.entries()) it(name, () => attacked(openings.length + i));
  });
  describe('that never stop', () => {
    for (const [i, { name }] of flooding.entries()) {
      it(name, () => rig.withBystander(rssMaxMiB, () => attacked(openings.length + answers.length + i)));
    }
  });

  it('all of them at once, call after call', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const busy = [...openings, ...answers].map(async ({ name, codes }, i) => {
        // Once one has been given up, nobody is asked for a while.
        for (let n = 0; n < 10; n++) {
          const { code, details } = await call(`hostile-${i}`);
          expect([...codes, 14], `${name}: ${code} ${details}`).to.include(code);
        }
      });
      await Promise.all(busy);
    }));

  it('one that gives every call back fails none: they go to the others', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const codes: number[] = [];
      for (let i = 0; i < 200; i++) codes.push((await call('refusing')).code);
      expect(new Set(codes)).to.deep.equal(new Set([0]));
      expect(refusing.peers.length, 'connections').to.be.at.most(200);
    }));

  // Of all attempts at this test: at a second one, after a latency out of bounds, the endpoint is ejected from the beginning.
  const codes: number[] = [];
  it('one that breaks the protocol is ejected after a few calls, and the others serve', () =>
    rig.withBystander(rssMaxMiB, async () => {
      for (let i = 0; i < 200; i++) codes.push((await call('breaking')).code);
      expect(codes.filter((code) => code !== 0).length).to.be.within(1, 20);
      expect(codes.slice(-50)).to.deep.equal(new Array(50).fill(0));
    }));
});
