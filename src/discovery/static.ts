import type { EndpointSpec } from '../core/endpoint-spec.ts';
import { type DiscoverySource, withoutRepeats } from './source.ts';

/** A list from the configuration, in its order, published once, before `start` returns. */
export function staticSource(list: readonly EndpointSpec[], now: () => number): DiscoverySource {
  const endpoints = Object.freeze(withoutRepeats(list));
  let answeredMs = 0;
  let state: 'new' | 'started' | 'stopped' = 'new';
  return {
    describe:
      endpoints.length === 1
        ? 'a static list of 1 endpoint'
        : `a static list of ${endpoints.length} endpoints`,
    advice: 'write endpoints in the configuration',
    get status() {
      const answered = state === 'started';
      return {
        answered,
        endpoints: answered ? endpoints.length : 0,
        lastAnswerMs: answeredMs,
        lastError: '',
      };
    },
    start(publish) {
      if (state !== 'new') return;
      state = 'started';
      answeredMs = now();
      publish(endpoints);
    },
    refresh() {},
    stop() {
      if (state === 'new') state = 'stopped';
    },
  };
}
