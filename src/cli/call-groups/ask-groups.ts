import type { CallFilters, CallView, GroupsReport } from '../../admin/call-groups/group-calls.ts';
import { pause } from '../../core/clock.ts';
import { type AdminAnswer, askAdmin } from '../admin-client.ts';
import type { AdminTarget } from '../admin-target.ts';

/** A sidecar observes calls from the first question on: the second one waits until it has this much to tell, milliseconds. */
const observedMsMin = 2000;

/** Asks a running sidecar for the calls of the last seconds, in groups. Takes two seconds if nobody has asked before. */
export async function askGroups(
  target: AdminTarget,
  by: CallView,
  filters: CallFilters,
): Promise<AdminAnswer<GroupsReport>> {
  const path = `/calls/by/${by}?${new URLSearchParams(Object.entries(filters))}`;
  const first = await askAdmin(target, path);
  if (first.error !== undefined) return first;
  const report = first.value as GroupsReport;
  if (report.observedMs >= observedMsMin || report.total.calls >= callsEnough) return { value: report };
  await pause(observedMsMin - report.observedMs);
  const second = await askAdmin(target, path);
  return second.error === undefined ? { value: second.value as GroupsReport } : second;
}

/** Under high load, the calls that a sidecar keeps cover a shorter time. */
const callsEnough = 1000;
