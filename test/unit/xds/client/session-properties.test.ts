import { expect } from 'chai';
import fc from 'fast-check';
import type { ResourceKind } from '../../../../src/xds/resource.ts';
import { ClientRig } from '../../../support/xds-client-rig.ts';

/**
 * A client and a model of a control plane, between which messages and resets go in any order. fast-check prints the seed and the
 * shortest sequence of steps of a failure.
 */

const kinds = ['cluster', 'endpoint'] as const satisfies readonly ResourceKind[];
const names = ['a', 'b', 'c'] as const;

type Step =
  | { readonly do: 'serve'; readonly kind: ResourceKind; readonly name: string; readonly body: string | null }
  | { readonly do: 'subscribe'; readonly kind: ResourceKind; readonly names: readonly string[] | 'all' }
  | { readonly do: 'deliver'; readonly to: 'client' | 'server'; readonly times: number }
  | { readonly do: 'rest' }
  | { readonly do: 'reset' }
  | { readonly do: 'wait'; readonly ms: number };

const kind = fc.constantFrom(...kinds);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.constantFrom({ do: 'rest' as const }, { do: 'rest' as const }, { do: 'reset' as const }),
  fc.record({
    do: fc.constant('serve' as const),
    kind,
    name: fc.constantFrom(...names),
    body: fc.constantFrom(null, 'one', 'two', 'three', 'bad one', 'bad two', 'undecodable'),
  }),
  fc.record({
    do: fc.constant('subscribe' as const),
    kind,
    names: fc.oneof(fc.constant('all' as const), fc.subarray([...names])),
  }),
  fc.record({
    do: fc.constant('deliver' as const),
    to: fc.constantFrom('client' as const, 'server' as const),
    times: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 5_000 }) }),
);

/** What must be applied in the end: the last version of each resource that was good, as far as the client saw it. */
class Expectation {
  readonly subscriptions = new Map<ResourceKind, ReadonlySet<string> | 'all'>();

  isRequested(of: ResourceKind, name: string): boolean {
    const subscription = this.subscriptions.get(of);
    return subscription === 'all' || subscription?.has(name) === true;
  }
}

function run(rig: ClientRig, expectation: Expectation, one: Step): void {
  if (one.do === 'serve') rig.plane.serve(one.kind, { [one.name]: one.body });
  else if (one.do === 'wait') rig.clock.advance(one.ms);
  else if (one.do === 'deliver') for (let i = 0; i < one.times; i++) rig.stream.deliver(one.to);
  else if (one.do === 'rest') rig.settle();
  else if (one.do === 'reset') {
    if (!rig.stream.closed) rig.stream.reset('UNAVAILABLE: reset');
  } else {
    const subscription = one.names === 'all' ? 'all' : new Set(one.names);
    expectation.subscriptions.set(one.kind, subscription);
    rig.client.subscribe(one.kind, subscription);
  }
}

function isGood(body: string | Buffer): boolean {
  return !String(body).startsWith('bad') && body !== 'undecodable';
}

/** Nothing but resources that were requested reaches the judge, each name once. */
function checkUpdates(rig: ClientRig, expectation: Expectation): void {
  rig.judge.onUpdate = ({ kind: of, changed }) => {
    const seen = changed.map(({ name }) => name);
    expect(new Set(seen).size).to.equal(seen.length);
    for (const name of seen)
      expect(expectation.isRequested(of, name), `${of} ${name} is requested`).to.equal(true);
  };
}

/** The names that the client must hold in their newest version, since all else is at rest. */
function checkApplied(rig: ClientRig, expectation: Expectation): void {
  for (const of of kinds) {
    const applied = rig.judge.of(of);
    const status = rig.client.status.kinds.find((one) => one.kind === of);
    const served = rig.plane.of(of).bodies;
    for (const [name, { body }] of served) {
      if (!expectation.isRequested(of, name)) continue;
      const problem = status?.refused.some((one) => one.name === name);
      if (isGood(body)) expect(applied[name], `${of} ${name}`).to.equal(body);
      else if (body !== 'undecodable' || rig.plane.delta)
        expect(problem, `${of} ${name} refused`).to.equal(true);
    }
  }
}

/** The last response of each kind was answered, with a reason exactly where it had something bad in it. */
function checkAnswers(rig: ClientRig): void {
  for (const response of rig.plane.responses) {
    const { answer } = response;
    if (answer === null) continue;
    const bad = response.resources.some(({ body }) => body !== null && !isGood(body));
    if (!bad) expect(answer.reason, response.nonce).to.equal('');
    if (answer.reason === '' && !rig.plane.delta)
      expect(Number(answer.version), `version of ${response.nonce}`).to.be.at.least(Number(response.version));
  }
}

describe('an ADS session, whatever happens in whatever order', () => {
  for (const delta of [false, true])
    it(`comes to hold what the control plane serves ${delta ? 'with delta' : 'in the state of the world'}`, () => {
      fc.assert(
        fc.property(
          fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }),
          fc.integer(),
          (steps, seed) => {
            const rig = new ClientRig(delta, { seed });
            const expectation = new Expectation();
            checkUpdates(rig, expectation);
            rig.client.start();
            run(rig, expectation, { do: 'subscribe', kind: 'cluster', names: 'all' });
            for (const one of steps) run(rig, expectation, one);
            // Longer than any wait of the client.
            rig.settleWithin(60_000);
            expect(rig.client.status.connected).to.equal(true);
            checkApplied(rig, expectation);
            checkAnswers(rig);
            rig.client.stop();
            expect(rig.stream.closed).to.equal(true);
          },
        ),
        { numRuns: 300 },
      );
    });
});
