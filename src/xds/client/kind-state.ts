import type { ResourceKind } from '../resource.ts';
import { type HeldBytes, HeldResources } from './held-resources.ts';
import { noSubscription, type Subscription } from './subscription.ts';

/** An answer to a response: an ACK, or a NACK with its reason. */
export interface Reply {
  readonly nonce: string;
  readonly reason: string;
}

/** Versions that are remembered, to notice when a control plane returns to one of them. */
const recentVersionsMax = 16;

/** What is known of one kind, whatever stream it came over. */
export class KindState {
  readonly kind: ResourceKind;
  readonly held: HeldResources;
  subscription: Subscription = noSubscription;
  /** Version of the last response that was accepted as a whole. */
  version = '';
  lastResponseAtMs: number | null = null;
  lastAckAtMs: number | null = null;
  lastNackAtMs: number | null = null;
  lastNack = '';
  acks = 0;
  nacks = 0;
  versionReturns = 0;
  /** Consecutive responses that were refused for the same reason, and applied nothing. */
  nackRepeats = 0;
  private recentVersions: readonly string[] = [];

  constructor(kind: ResourceKind, heldBytes: HeldBytes) {
    this.kind = kind;
    this.held = new HeldResources(heldBytes);
  }

  /** Forgets the resources that are no longer requested, and the version where it does not stand for all that now are. */
  subscribe(subscription: Subscription): void {
    if ((this.subscription === 'all') !== (subscription === 'all')) this.version = '';
    this.subscription = subscription;
    if (subscription === 'all') return;
    for (const name of this.held.names) if (!subscription.has(name)) this.held.forget(name);
  }

  /** The version with which a new stream begins: '' where the control plane must send what is missing. */
  get resumeVersion(): string {
    if (this.subscription === 'all') return this.version;
    return [...this.subscription].every((name) => this.held.isCurrent(name)) ? this.version : '';
  }

  accept(version: string, nowMs: number): void {
    this.acks++;
    this.lastAckAtMs = nowMs;
    this.nackRepeats = 0;
    if (version === this.version) return;
    if (this.recentVersions.includes(version)) this.versionReturns++;
    this.recentVersions = [...this.recentVersions, version].slice(-recentVersionsMax);
    this.version = version;
  }

  refuse(reason: string, applied: number, nowMs: number): void {
    this.nackRepeats =
      applied === 0 && this.nackRepeats > 0 && reason === this.lastNack ? this.nackRepeats + 1 : 1;
    this.nacks++;
    this.lastNackAtMs = nowMs;
    this.lastNack = reason;
  }
}
