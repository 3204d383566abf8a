import { typeUrls } from '../type-urls.ts';
import type { AdsRequests } from './ads-requests.ts';
import { encodeDeltaRequest } from './discovery-request.ts';
import { parseDeltaResponse } from './discovery-response.ts';
import type { KindState, Reply } from './kind-state.ts';
import { isEmpty, type Subscription, without } from './subscription.ts';

const nothing = {
  subscribe: [],
  unsubscribe: [],
  initialVersions: new Map(),
  nonce: '',
  reason: '',
} as const;

/**
 * Requests of one stream of delta (xDS protocol, "Incremental xDS"): a request has what changed in the subscription, or the answer to
 * one response. The first one of a kind says which versions are held, so that the control plane sends only what is newer.
 */
export class DeltaStream implements AdsRequests {
  readonly parse = parseDeltaResponse;
  readonly repliesHaveSubscription = false;
  private readonly node: Buffer;
  /** What each kind that was requested is subscribed to, as far as the control plane knows. */
  private readonly sent = new Map<KindState, Subscription>();
  private hasSentNode = false;

  constructor(node: Buffer) {
    this.node = node;
  }

  subscribe(state: KindState): Buffer | null {
    const { subscription } = state;
    const sent = this.sent.get(state);
    if (sent === undefined) {
      if (isEmpty(subscription)) return null;
      this.sent.set(state, subscription);
      // Without names, the first request of a kind is for all of its resources.
      const subscribe = subscription === 'all' ? [] : [...subscription];
      return this.request(state, { subscribe, initialVersions: state.held.versions });
    }
    // Between names and all there is another stream.
    if (subscription === 'all' || sent === 'all') return null;
    this.sent.set(state, subscription);
    const subscribe = without(subscription, sent);
    const unsubscribe = without(sent, subscription);
    return subscribe.length + unsubscribe.length === 0
      ? null
      : this.request(state, { subscribe, unsubscribe });
  }

  hasRequested(state: KindState): boolean {
    return this.sent.has(state);
  }

  isComplete(): boolean {
    return false;
  }

  reply(state: KindState, reply: Reply): Buffer[] {
    return [this.request(state, reply)];
  }

  private request(
    { kind }: KindState,
    parts: Partial<Omit<Parameters<typeof encodeDeltaRequest>[0], 'node' | 'typeUrl'>>,
  ): Buffer {
    const node = this.hasSentNode ? null : this.node;
    this.hasSentNode = true;
    return encodeDeltaRequest({ ...nothing, node, typeUrl: typeUrls[kind], ...parts });
  }
}
