import type { Result } from '../../core/result.ts';
import type { DiscoveryResponse } from './discovery-response.ts';
import type { KindState, Reply } from './kind-state.ts';

/** One stream of either variant of the protocol: which requests follow from subscriptions and responses. Pure. */
export interface AdsRequests {
  parse(message: Buffer): Result<DiscoveryResponse>;
  /** Returns the request for a subscription that is new on this stream or has changed; null if none is due. */
  subscribe(state: KindState): Buffer | null;
  /** Whether this kind was requested on this stream; its responses are then answered, even if they come after the last name was given up. */
  hasRequested(state: KindState): boolean;
  /** Whether a resource that a response does not have no longer exists. */
  isComplete(state: KindState): boolean;
  /** Returns the requests that answer a response. */
  reply(state: KindState, reply: Reply): Buffer[];
  /** Whether a reply has the whole subscription, so that no other request is due after it. */
  readonly repliesHaveSubscription: boolean;
}
