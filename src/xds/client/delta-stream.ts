import { typeUrls } from '../type-urls.ts';
import type { AdsRequests } from './ads-requests.ts';
import { encodeDeltaRequest } from './discovery-request.ts';
import { parseDeltaResponse } from './discovery-response.ts';
import type { KindState, Reply } from './kind-state.ts';
import { isEmpty, without } from './subscription.ts';

/** What the control plane knows of the subscription of a kind by this stream. */
interface Sent {
  all: boolean;
  names: ReadonlySet<string>;
}

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
  private readonly sent = new Map<KindState, Sent>();
  private hasSentNode = false;

  constructor(node: Buffer) {
    this.node = node;
  }

  subscribe(state: KindState): Buffer | null {
    const { subscription } = state;
    const sent = this.sent.get(state);
    if (sent === undefined) {
      if (isEmpty(subscription)) return null;
      const names = subscription === 'all' ? new Set<string>() : subscription;
      this.sent.set(state, { all: subscription === 'all', names });
      // Without names, the first request of a kind is for all of its resources.
      return this.request(state, { subscribe: [...names], initialVersions: state.held.versions });
    }
    const subscribe: string[] = [];
    const unsubscribe: string[] = [];
    if (subscription === 'all') {
      if (!sent.all) subscribe.push('*');
      sent.all = true;
    } else {
      if (sent.all) unsubscribe.push('*');
      unsubscribe.push(...without(sent.names, subscription));
      subscribe.push(...without(subscription, sent.names));
      this.sent.set(state, { all: false, names: subscription });
    }
    return subscribe.length + unsubscribe.length === 0
      ? null
      : this.request(state, { subscribe, unsubscribe });
  }

  isSubscribed(state: KindState): boolean {
    return this.sent.has(state) && !isEmpty(state.subscription);
  }

  isComplete(): boolean {
    return false;
  }

  reply(state: KindState, reply: Reply): Buffer {
    return this.request(state, reply);
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
