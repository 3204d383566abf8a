import type { AdminServer } from '../admin/server.ts';
import type { Drainable } from '../lifecycle.ts';
import { type AppParts, activeCalls, endedCalls } from './parts.ts';

/** The sidecar as its drain sees it. */
export function drainableOf(parts: AppParts, admin: () => AdminServer | null): Drainable {
  const { listeners, clusters, telemetry, memory } = parts;
  return {
    announce() {
      for (const { listener, tcp } of listeners) {
        listener.announceShutdown();
        tcp?.drain();
      }
    },
    refuse() {
      for (const { listener } of listeners) listener.shutdown();
    },
    get connections() {
      return listeners.reduce((sum, { listener }) => sum + listener.connections, 0);
    },
    get activeCalls() {
      return activeCalls(listeners);
    },
    get endedCalls() {
      return endedCalls(listeners);
    },
    get undelivered() {
      return listeners.reduce((sum, { listener }) => sum + listener.undelivered, 0);
    },
    cut() {
      let cut = 0;
      for (const { context, tcp } of listeners) {
        cut += context.calls.cutAll() + (tcp?.connections ?? 0);
        tcp?.close();
      }
      return cut;
    },
    async close() {
      for (const { listener } of listeners) listener.close();
      for (const { cluster } of clusters.values()) {
        cluster.stop();
        cluster.close();
      }
      memory.stop();
      await telemetry.shutdown();
      await admin()?.close();
    },
  };
}
