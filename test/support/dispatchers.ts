import type { AttemptPolicy } from '../../src/call/dispatch/attempt-policy.ts';
import type { NewDispatcher } from '../../src/call/dispatch/dispatcher.ts';
import { hedgeDispatcher } from '../../src/call/dispatch/hedge.ts';
import { retryDispatcher } from '../../src/call/dispatch/retry.ts';

/** What a route with this policy makes its dispatchers with; without one, nothing. */
export function dispatcherOf(policy: AttemptPolicy | null | undefined): NewDispatcher | undefined {
  if (policy === null || policy === undefined) return undefined;
  return policy.kind === 'retry' ? retryDispatcher(policy) : hedgeDispatcher(policy);
}
