import { typeUrls } from '../type-urls.ts';
import type { AdsRequests } from './ads-requests.ts';
import { encodeSotwRequest } from './discovery-request.ts';
import { parseSotwResponse } from './discovery-response.ts';
import type { KindState, Reply } from './kind-state.ts';
import { isEmpty } from './subscription.ts';

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
  private hasSentNode = false;

  constructor(node: Buffer) {
    this.node = node;
  }

  subscribe(state: KindState): Buffer | null {
    if (this.nonces.has(state)) return this.request(state, state.version, '');
    if (isEmpty(state.subscription)) return null;
    this.nonces.set(state, '');
    return this.request(state, state.resumeVersion, '');
  }

  hasRequested(state: KindState): boolean {
    return this.nonces.has(state);
  }

  /** Listeners and clusters: a response has all that exist. Of other kinds it has some of those that were requested. */
  isComplete({ kind }: KindState): boolean {
    return kind === 'listener' || kind === 'cluster';
  }

  reply(state: KindState, { nonce, reason }: Reply): Buffer {
    this.nonces.set(state, nonce);
    return this.request(state, state.version, reason);
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
