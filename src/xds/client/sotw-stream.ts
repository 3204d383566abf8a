import { typeUrls } from '../type-urls.ts';
import type { AdsRequests } from './ads-requests.ts';
import { encodeSotwRequest } from './discovery-request.ts';
import { parseSotwResponse } from './discovery-response.ts';
import type { KindState, Reply } from './kind-state.ts';
import { isEmpty, isSame, noSubscription, type Subscription } from './subscription.ts';

/**
 * Requests of one stream in the state of the world (xDS protocol, "State of the World"): every request has the whole
 * subscription, the version that was accepted last and the nonce of the last response.
 */
export class SotwStream implements AdsRequests {
  readonly parse = parseSotwResponse;
  readonly repliesHaveSubscription = true;
  private readonly node: Buffer;
  /** Nonce of the last response for each kind that was requested, '' before the first one. */
  private readonly nonces = new Map<KindState, string>();
  /** The subscription of the last request that the control plane has taken for certain. */
  private readonly taken = new Map<KindState, Subscription>();
  private hasSentNode = false;

  constructor(node: Buffer) {
    this.node = node;
  }

  subscribe(state: KindState): Buffer | null {
    if (this.nonces.has(state)) return this.request(state, state.version, '');
    if (isEmpty(state.subscription)) return null;
    this.nonces.set(state, '');
    this.taken.set(state, state.subscription);
    return this.request(state, state.resumeVersion, '');
  }

  hasRequested(state: KindState): boolean {
    return this.nonces.has(state);
  }

  /** Listeners and clusters: a response has all that exist. Of other kinds it has some of those that were requested. */
  isComplete({ kind }: KindState): boolean {
    return kind === 'listener' || kind === 'cluster';
  }

  /**
   * A subscription that changed while a response was under way had the nonce of the one before, for which a control plane ignores
   * it. An ACK repeats it, but in a NACK a control plane such as Istio does not read it: then one more request follows.
   */
  reply(state: KindState, { nonce, reason }: Reply): Buffer[] {
    this.nonces.set(state, nonce);
    const { subscription, version } = state;
    const isTaken = isSame(this.taken.get(state) ?? noSubscription, subscription);
    this.taken.set(state, subscription);
    const answer = this.request(state, version, reason);
    return reason === '' || isTaken ? [answer] : [answer, this.request(state, version, '')];
  }

  /** No names are all resources, or none of them once some were sent. */
  private request(state: KindState, version: string, reason: string): Buffer {
    const { kind, subscription } = state;
    const node = this.hasSentNode ? null : this.node;
    this.hasSentNode = true;
    return encodeSotwRequest({
      node,
      typeUrl: typeUrls[kind],
      names: subscription === 'all' ? [] : [...subscription],
      version,
      nonce: this.nonces.get(state) ?? '',
      reason,
    });
  }
}
