import { registerHooks } from 'node:module';

/** Started with `--import`, a sidecar keeps no recent calls: no setting turns them off, and `observers.ts` measures what they cost. */
const source = `
export const failedCallsMax = 0;
export const shownCallsMax = 0;
export const recentCallsMax = 0;
export const slowCallsMax = 0;
export const clientErrorCallsMax = 0;
export function createRecentCalls() {
  const none = () => [];
  return { add() {}, recent: none, slow: none, failed: none, shown() {}, clientErrors: none, find: () => undefined, ofTrace: none };
}
`;

registerHooks({
  load: (url, context, nextLoad) =>
    url.endsWith('/src/telemetry/recent-calls.ts')
      ? { format: 'module', source, shortCircuit: true }
      : nextLoad(url, context),
});
