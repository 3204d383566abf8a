import type { MessageErrorReason } from './message.ts';

/** How often peers violated HTTP/1.1, by the cluster or listener of the connection and by reason. */
export class ViolationCounts {
  private readonly counts = new Map<string, Map<MessageErrorReason, number>>();

  add(owner: string, reason: MessageErrorReason): void {
    let ofOwner = this.counts.get(owner);
    if (ofOwner === undefined) {
      ofOwner = new Map();
      this.counts.set(owner, ofOwner);
    }
    ofOwner.set(reason, (ofOwner.get(reason) ?? 0) + 1);
  }

  /** Calls `report` with every count above 0. */
  each(report: (owner: string, reason: MessageErrorReason, count: number) => void): void {
    for (const [owner, ofOwner] of this.counts)
      for (const [reason, count] of ofOwner) report(owner, reason, count);
  }
}
