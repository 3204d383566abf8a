import { expect } from 'chai';
import type { AttemptPolicy } from '../../../src/call/dispatch/attempt-policy.ts';
import { RetryBudget } from '../../../src/call/dispatch/retry-budget.ts';
import { compileRetryConditions } from '../../../src/call/dispatch/retry-conditions.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { type CallRig, type FakeStream, replyHead } from './call-rig.ts';

type Pair = readonly [string, string];

export const message = Buffer.from('reply');

export interface RetryPolicyOptions {
  readonly on?: ReadonlyArray<string | number>;
  readonly attempts?: number;
  readonly perTryTimeoutMs?: number;
  readonly percent?: number;
  readonly min?: number;
}

/** The policy of a route with `retry`; the first back-off takes at most 25 ms. */
export function retryPolicy(options: RetryPolicyOptions = {}): AttemptPolicy {
  const { on = ['unavailable'], attempts = 3, percent = 20, min = 3 } = options;
  const { perTryTimeoutMs = Number.POSITIVE_INFINITY } = options;
  return {
    kind: 'retry',
    on: compileRetryConditions(on),
    perTryTimeoutMs,
    backoff: { baseMs: 25, maxMs: 250 },
    attemptsMax: attempts,
    headHoldMs: 50,
    budget: new RetryBudget({ percent, min }),
    random: new SeededRandom(7),
  };
}

/** The policy of a route with `hedge`: another attempt after 100 ms. */
export function hedgePolicy(
  attempts = 3,
  nonFatal: readonly string[] = ['unavailable'],
  min = 10,
): AttemptPolicy {
  return {
    kind: 'hedge',
    nonFatal: compileRetryConditions(nonFatal),
    delayMs: 100,
    attemptsMax: attempts,
    headHoldMs: 50,
    budget: new RetryBudget({ percent: 20, min }),
    random: new SeededRandom(7),
  };
}

export function trailers(status: number, ...more: readonly Pair[]): HeaderBlock {
  return HeaderBlock.of(['grpc-status', String(status)], ...more);
}

/** A status in a head that is all of the reply. */
export function sayTrailersOnly(stream: FakeStream, status: number, ...more: readonly Pair[]): void {
  stream.receiver!.head(replyHead('200', ['grpc-status', String(status)], ...more), true);
}

/** A whole good reply. */
export function answer(stream: FakeStream): void {
  stream.receiver!.head(replyHead(), false);
  stream.receiver!.data(message, 0, message.length, false);
  stream.receiver!.trailers(trailers(0));
}

/** Calls that ended: nothing counts any more, budgets included, each is on record once, and no timer is left. */
export function expectAttemptsOver(rig: CallRig, policy: AttemptPolicy, calls = 1): void {
  expect(rig.cluster).to.include({ active: 0, retries: 0 });
  for (const endpoint of rig.endpoints) expect(endpoint.active).to.equal(0);
  expect(policy.budget).to.include({ calls: 0, retries: 0 });
  expect(rig.context.calls).to.include({ active: 0, ended: calls });
  expect(rig.settled).to.have.length(calls);
  rig.cluster.stop(); // whose own timer is for its first moments
  expect(rig.clock.pending).to.equal(0);
}
