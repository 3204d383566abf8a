import type { EndpointSpec } from '../core/endpoint-spec.ts';
import { type DiscoverySource, sameEndpoints, withoutRepeats } from './source.ts';

/** The endpoints of services, as a control plane assigns them (EDS). */
export interface EndpointAssignments {
  /** Begins to ask for the endpoints of a service, and calls `heard` with each list, at once if one is known. Returns how to end it. */
  watch(service: string, heard: (list: readonly EndpointSpec[]) => void): () => void;
  /** Why no answer may come: the control plane is not connected, say; '' for no reason. */
  readonly trouble: string;
}

/** The endpoints that a control plane assigns to a service. Without the control plane, the last list stands. */
export function xdsSource(
  service: string,
  assignments: EndpointAssignments | null,
  now: () => number,
): DiscoverySource {
  let unwatch: (() => void) | null = null;
  let list: readonly EndpointSpec[] | null = null;
  let answeredMs = 0;
  const trouble = (): string => {
    if (assignments === null) return 'there is no control plane; write the section xds';
    return list === null && assignments.trouble === ''
      ? 'the control plane has not sent the endpoints'
      : assignments.trouble;
  };
  return {
    describe: `the endpoints of ${service} by xDS`,
    advice: 'check outrigger admin path /xds: whether the control plane is connected, and knows the service',
    get status() {
      return {
        answered: list !== null,
        endpoints: list?.length ?? 0,
        lastAnswerMs: answeredMs,
        lastError: trouble(),
      };
    },
    start(publish) {
      if (unwatch !== null || assignments === null) return;
      unwatch = assignments.watch(service, (heard) => {
        answeredMs = now();
        const next = withoutRepeats(heard);
        if (list !== null && sameEndpoints(list, next)) return;
        list = next;
        publish(next);
      });
    },
    refresh() {},
    stop() {
      unwatch?.();
      unwatch = null;
    },
  };
}
