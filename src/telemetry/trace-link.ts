import type { CallRecord } from './call-record.ts';

/** What stands for the trace id in `telemetry.traces.linkUrl`. */
export const traceIdPlaceholder = '{traceId}';

/**
 * Returns the URL at which the trace of a call is shown; '' for a call whose spans Outrigger did not export, and where `linkUrl` is
 * not set.
 */
export function traceLink(linkUrl: string | undefined, { sampled, traceId }: CallRecord): string {
  if (!linkUrl || !sampled || traceId.none) return '';
  return linkUrl.replaceAll(traceIdPlaceholder, String(traceId));
}
