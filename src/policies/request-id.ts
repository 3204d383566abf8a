import type { CallRecord } from '../telemetry/call-record.ts';

/** The key under which the access log has the id of a request. */
export const requestIdFact = 'requestId';

/** Returns the id that the policy `requestId` gave a request or kept; '' without that policy, and before it has run. */
export function requestIdOf({ notes }: CallRecord): string {
  for (const { facts } of notes) {
    const id = facts?.[requestIdFact];
    if (id !== undefined) return String(id);
  }
  return '';
}
