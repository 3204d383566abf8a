import { type ResourceKind, resourceKinds } from '../resource.ts';
import { kindOf } from '../type-urls.ts';
import type { AdsRequests } from './ads-requests.ts';
import { DeltaStream } from './delta-stream.ts';
import { encodeNode } from './discovery-request.ts';
import type { DiscoveryResponse } from './discovery-response.ts';
import type { HeldBytes } from './held-resources.ts';
import type { AdsDeps, AdsSettings, KindStatus } from './interface.ts';
import { KindState, type Reply } from './kind-state.ts';
import { missingShownMax, refusedShownMax } from './limits.ts';
import { nackReason } from './nack-reason.ts';
import { judgeResponse } from './response-judge.ts';
import { SotwStream } from './sotw-stream.ts';
import { boundedSubscription, isEmpty, isSame, type Subscription } from './subscription.ts';

/**
 * The order in which a stream requests the kinds: what is referred to comes before what refers to it, so that a new route finds its
 * cluster (xDS protocol, "Eventual consistency considerations").
 */
const openingOrder: readonly ResourceKind[] = ['secret', 'cluster', 'endpoint', 'listener', 'route'];

/** What came of one response. */
export type Received =
  /** Judged; `replies` has the answer, until `takeReplies` takes it. `repeats` counts NACKs for the same reason. */
  | {
      readonly outcome: 'judged';
      readonly kind: ResourceKind;
      readonly reason: string;
      readonly repeats: number;
    }
  /** Of a type that was not requested. */
  | { readonly outcome: 'ignored'; readonly problem: string }
  /** Not a message of the protocol: the stream is of no more use. */
  | { readonly outcome: 'invalid'; readonly problem: string };

/**
 * The protocol without I/O: messages in, messages out. What was accepted outlives a stream, so that the next one resumes.
 *
 * ```
 * begin → requests    receive → judged → takeReplies → ACK or NACK    subscribe → requests    end
 * ```
 */
export class AdsSession {
  controlPlane = '';
  private readonly heldBytes: HeldBytes = { total: 0 };
  private readonly states: ReadonlyMap<ResourceKind, KindState>;
  private readonly replies = new Map<KindState, Reply[]>();
  private readonly settings: AdsSettings;
  private readonly deps: AdsDeps;
  private stream: AdsRequests | null = null;

  constructor(settings: AdsSettings, deps: AdsDeps) {
    this.settings = settings;
    this.deps = deps;
    this.states = new Map(resourceKinds.map((kind) => [kind, new KindState(kind, this.heldBytes)]));
  }

  get versionReturns(): number {
    return [...this.states.values()].reduce((sum, { versionReturns }) => sum + versionReturns, 0);
  }

  /** Begins a stream; returns the requests that it opens with. */
  begin(): Buffer[] {
    const node = encodeNode(this.settings.node, this.settings.userAgentVersion);
    const stream = this.settings.delta ? new DeltaStream(node) : new SotwStream(node);
    this.stream = stream;
    return openingOrder
      .map((kind) => stream.subscribe(this.stateOf(kind)))
      .filter((request): request is Buffer => request !== null);
  }

  /** The stream is over; what was accepted stays. */
  end(): void {
    this.stream = null;
    this.replies.clear();
  }

  /**
   * Replaces a subscription; returns the requests to send. Outside of a stream there are none. Between names and all, a new stream
   * is required: in a request without names, control planes cannot distinguish all from none.
   */
  subscribe(kind: ResourceKind, requested: Subscription): Buffer[] | 'new stream' {
    const state = this.stateOf(kind);
    const subscription = boundedSubscription(requested);
    const before = state.subscription;
    if (isSame(before, subscription)) return [];
    state.subscribe(subscription);
    if ((before === 'all') !== (subscription === 'all') && this.stream?.hasRequested(state))
      return 'new stream';
    // An answer that waits goes first: a request with its nonce and no reason would be an ACK.
    const replies = this.takeReplies(kind);
    if (replies.length > 0 && this.stream?.repliesHaveSubscription) return replies;
    const request = this.stream?.subscribe(state) ?? null;
    return request === null ? replies : [...replies, request];
  }

  receive(message: Buffer): Received {
    const { stream } = this;
    if (stream === null)
      return { outcome: 'ignored', problem: 'a response came after the end of its stream' };
    const { value: response, error } = stream.parse(message);
    if (error !== undefined) return { outcome: 'invalid', problem: error };
    this.controlPlane = response.controlPlane;
    const kind = kindOf(response.typeUrl);
    const state = kind === undefined ? undefined : this.stateOf(kind);
    if (state === undefined || !stream.hasRequested(state))
      return {
        outcome: 'ignored',
        problem: `the control plane sent the type ${JSON.stringify(response.typeUrl)}, which was not requested`,
      };
    const reason = this.judge(stream, state, response);
    // The stream may have ended while the response was judged.
    if (this.stream === stream) this.addReply(state, { nonce: response.nonce, reason });
    return { outcome: 'judged', kind: state.kind, reason, repeats: reason === '' ? 0 : state.nackRepeats };
  }

  /** Returns the reason of a NACK, '' for an ACK. */
  private judge(stream: AdsRequests, state: KindState, response: DiscoveryResponse): string {
    const nowMs = this.deps.clock.wallMs();
    state.lastResponseAtMs = nowMs;
    const { subscription } = state;
    if (isEmpty(subscription)) {
      // It was under way when the last name was given up.
      state.accept(response.version, nowMs);
      return '';
    }
    const complete = stream.isComplete(state);
    const { problems, applied } = judgeResponse(
      state.kind,
      response,
      { subscription, complete },
      state.held,
      {
        ...this.deps,
        heldBytes: this.heldBytes,
      },
    );
    const reason = nackReason(problems);
    if (reason === '') state.accept(response.version, nowMs);
    else state.refuse(reason, applied, nowMs);
    return reason;
  }

  /** Returns the answers that wait for this kind, as requests. */
  takeReplies(kind: ResourceKind): Buffer[] {
    const { stream } = this;
    const state = this.stateOf(kind);
    const replies = this.replies.get(state) ?? [];
    this.replies.delete(state);
    return stream === null ? [] : replies.flatMap((reply) => stream.reply(state, reply));
  }

  /** Returns the status of the kinds that are subscribed to. */
  status(): KindStatus[] {
    return [...this.states.values()]
      .filter((state) => !isEmpty(state.subscription) || state.acks + state.nacks > 0)
      .map(statusOf);
  }

  private stateOf(kind: ResourceKind): KindState {
    const state = this.states.get(kind);
    if (state === undefined) throw new Error(`there is no kind ${kind}`);
    return state;
  }

  /** In the state of the world only the last response is answered; with delta each one is. */
  private addReply(state: KindState, reply: Reply): void {
    const waiting = this.settings.delta ? (this.replies.get(state) ?? []) : [];
    this.replies.set(state, [...waiting, reply]);
  }
}

function statusOf(state: KindState): KindStatus {
  const { kind, subscription, held } = state;
  const missing =
    subscription === 'all'
      ? []
      : [...subscription].filter((name) => !held.has(name)).slice(0, missingShownMax);
  return {
    kind,
    requested: subscription === 'all' ? 'all' : subscription.size,
    version: state.version,
    resources: held.count,
    missing,
    refused: held.problems.slice(0, refusedShownMax),
    bytes: held.bytes,
    lastResponseAtMs: state.lastResponseAtMs,
    lastAckAtMs: state.lastAckAtMs,
    lastNackAtMs: state.lastNackAtMs,
    lastNack: state.lastNack,
    acks: state.acks,
    nacks: state.nacks,
  };
}
