import type { CallSpec } from './call-spec.ts';
import type { Trace } from './trace.ts';

/** How a call ended for its client. */
export type Outcome =
  /** The whole reply of a replica, exactly. */
  | 'whole'
  /** An error that Outrigger made. */
  | 'error'
  /** RST_STREAM from the sidecar. */
  | 'reset'
  /** The client's own connection was lost. */
  | 'lost'
  | 'cancelled';

/** What is known of one call, from both of its ends. */
export interface CallFacts {
  readonly spec: CallSpec;
  /** Ends that the client saw, its own cancel included. */
  ends: number;
  outcome: Outcome | null;
  /** `x-outrigger-error`. */
  error: string;
  /** Replicas that began to work on it. */
  taken: number;
  /** Times that a replica refused it. */
  refused: number;
  /** A replica has said all of its reply. */
  answered: boolean;
  /** The client has sent its whole request. */
  requestSent: boolean;
  /** Tries of the client, each a call to the sidecar. */
  tries: number;
}

const violationsMax = 20;

/** What must hold and did not, and the facts that the rest is judged by. */
export class Ledger {
  readonly calls = new Map<number, CallFacts>();
  readonly violations: string[] = [];
  open = 0;
  readonly trace: Trace;

  constructor(trace: Trace) {
    this.trace = trace;
  }

  violation(text: string): void {
    this.trace.note(`VIOLATION ${text}`);
    if (this.violations.length < violationsMax) this.violations.push(text);
  }

  begin(spec: CallSpec): CallFacts {
    const facts: CallFacts = {
      spec,
      ends: 0,
      outcome: null,
      error: '',
      taken: 0,
      refused: 0,
      answered: false,
      requestSent: false,
      tries: 0,
    };
    this.calls.set(spec.id, facts);
    this.open++;
    return facts;
  }

  /** The client has seen the end of a call. */
  ended(facts: CallFacts, outcome: Outcome, detail: string): void {
    this.trace.note(`call ${facts.spec.id} ${outcome} ${detail}`);
    if (++facts.ends > 1) {
      this.violation(`call ${facts.spec.id} ended again as ${outcome}, after ${facts.outcome}`);
      return;
    }
    facts.outcome = outcome;
    this.open--;
  }

  /** By outcome, and errors by code. */
  counts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { outcome, error } of this.calls.values()) {
      const key = outcome === 'error' ? error : (outcome ?? 'open');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return counts;
  }
}
