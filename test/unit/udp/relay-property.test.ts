import { expect } from 'chai';
import fc from 'fast-check';
import { type RelayRig, relayRig } from './relay-rig.ts';

const sessionsMax = 6;
const idleTimeoutMs = 1000;

type Step =
  | { readonly kind: 'send'; readonly port: number; readonly large: boolean }
  | { readonly kind: 'answer' | 'refuse'; readonly socket: number }
  | { readonly kind: 'toggle'; readonly endpoint: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'drain' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      port: fc.integer({ min: 1, max: 9 }),
      large: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('answer' as const), socket: fc.nat(40) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('refuse' as const), socket: fc.nat(40) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('toggle' as const), endpoint: fc.nat(2) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 1500 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drain' as const) }) },
);

/** Every datagram begins with the port of its client, and every answer with the datagram that it answers. */
function take(rig: RelayRig, one: Step, number: number): void {
  const open = rig.sockets.filter(({ closed }) => !closed);
  switch (one.kind) {
    case 'send':
      return rig.send(one.port, `${one.port} #${number}${one.large ? 'x'.repeat(3000) : ''}`);
    case 'answer': {
      const socket = open[one.socket % Math.max(open.length, 1)];
      return socket?.answer(`${socket.sent.at(-1)} answered by ${socket.endpoint.name}`);
    }
    case 'refuse':
      return open[one.socket % Math.max(open.length, 1)]?.fail('ECONNREFUSED');
    case 'toggle': {
      const endpoint = rig.endpoints[one.endpoint];
      endpoint.usable = !endpoint.usable;
      return;
    }
    case 'wait':
      return rig.clock.advance(one.ms);
    case 'drain':
      return rig.relay.drain();
  }
}

function check({ relay, sockets, leased, replies, outcomes }: RelayRig): void {
  const open = sockets.filter(({ closed }) => !closed);
  expect(relay.connections).to.be.at.most(sessionsMax);
  expect(open.length, 'a socket for each session at most').to.be.at.most(relay.connections);
  expect(relay.counts.sessions).to.equal(relay.connections + outcomes.length);
  for (const [name, leases] of leased)
    expect(leases, `leases of ${name}`).to.equal(
      open.filter(({ endpoint }) => endpoint.name === name).length,
    );
  // The client that a reply went to is the one that the datagram came from.
  for (const reply of replies) expect(reply).to.match(/^(\d) \1 #/);
  // All that a socket sent came from one client.
  for (const { sent } of sockets) expect(new Set(sent.map((text) => text[0])).size).to.equal(1);
}

describe('udp/UdpRelay, for any order of events', () => {
  it('gives each reply to the client of its session, and keeps nothing beyond its limits', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.constantFrom(0, 1), (steps, responses) => {
        const rig = relayRig(['a', 'b', 'c'], { sessionsMax, idleTimeoutMs, responses });
        steps.forEach((one, i) => {
          take(rig, one, i);
          check(rig);
        });
        rig.clock.advance(10 * idleTimeoutMs);
        check(rig);
        expect([rig.relay.connections, rig.clock.pending]).to.deep.equal([0, 0]);
        expect(rig.sockets.every(({ closed }) => closed)).to.equal(true);
      }),
      { numRuns: 500 },
    );
  });
});
