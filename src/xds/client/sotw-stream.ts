import { typeUrls } from '../type-urls.ts';
import type { AdsRequests } from './ads-requests.ts';
import { encodeSotwRequest } from './discovery-request.ts';
import { parseSotwResponse } from './discovery-response.ts';
import type { KindState, Reply } from './kind-state.ts';
import { isEmpty } from './subscription.ts';

/** What one stream of the state of the world knows of a kind. */
interface Sent {
  nonce: string;
  /** Names of the last request; [] is all resources only where no request had names before. */
  hadNames: boolean;
}

/**
 * Requests of one stream in the state of the world (xDS protocol, "State of the World"): every request has the whole
 * subscription, the version that was accepted last and the nonce of the last response.
 */
export class SotwStream implements AdsRequests {
  readonly parse = parseSotwResponse;
  readonly repliesHaveSubscription = true;
  private readonly node: Buffer;
  private readonly sent = new Map<KindState, Sent>();
  private hasSentNode = false;

  constructor(node: Buffer) {
    this.node = node;
  }

  subscribe(state: KindState): Buffer | null {
    const sent = this.sent.get(state);
    if (sent !== undefined) return this.request(state, sent, state.version, '');
    if (isEmpty(state.subscription)) return null;
    const first = { nonce: '', hadNames: false };
    this.sent.set(state, first);
    return this.request(state, first, state.resumeVersion, '');
  }

  isSubscribed(state: KindState): boolean {
    return this.sent.has(state) && !isEmpty(state.subscription);
  }

  /** Listeners and clusters: a response has all that exist. Of other kinds it has some of those that were requested. */
  isComplete({ kind }: KindState): boolean {
    return kind === 'listener' || kind === 'cluster';
  }

  reply(state: KindState, { nonce, reason }: Reply): Buffer {
    const sent = this.sent.get(state) ?? { nonce, hadNames: true };
    sent.nonce = nonce;
    return this.request(state, sent, state.version, reason);
  }

  private request(state: KindState, sent: Sent, version: string, reason: string): Buffer {
    const names = this.namesOf(state, sent);
    if (names.length > 0) sent.hadNames = true;
    const node = this.hasSentNode ? null : this.node;
    this.hasSentNode = true;
    return encodeSotwRequest({
      node,
      typeUrl: typeUrls[state.kind],
      names,
      version,
      nonce: sent.nonce,
      reason,
    });
  }

  /** No names are all resources to every control plane, but none of them once names were sent; `*` is then all. */
  private namesOf({ subscription }: KindState, sent: Sent): readonly string[] {
    if (subscription !== 'all') return [...subscription];
    return sent.hadNames ? ['*'] : [];
  }
}
