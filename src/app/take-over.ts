import { formatAddress } from '../core/address.ts';
import { pause } from '../core/clock.ts';
import { warmUpMsMax } from '../upstream/warm-up.ts';
import { type AppParts, clustersAwaited } from './parts.ts';

// How a sidecar begins that takes over from another on the same addresses (`drain.handover`).

/** From one try to get the admin address to the next, milliseconds. */
const tryEveryMs = 50;

/** Turns a failure into null where there is to be another try. */
export function orNullIf(again: boolean): (error: unknown) => null {
  return (error) => {
    if (again) return null;
    throw error;
  };
}

/** Who shares an address gets calls from the first moment, so it is warm by then; but not for ever. */
export async function beforeSharing(parts: AppParts): Promise<void> {
  const { clock } = parts.deps;
  if (parts.running.config.drain.handoverMs === undefined) return;
  const endMs = clock.now() + warmUpMsMax;
  while (clustersAwaited(parts).length > 0 && clock.now() < endMs) await pause(10);
}

/** The predecessor gives its admin address away once it sees the successor's sockets. */
export async function whenFree<T>(open: () => Promise<T>, parts: AppParts): Promise<T> {
  const { clock, logger } = parts.deps;
  const { drain, admin } = parts.running.config;
  const endMs = clock.now() + drain.handoverMs!;
  logger.info('the admin address is in use: waiting for the predecessor to go', {
    address: formatAddress(admin.listen),
  });
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (clock.now() >= endMs) throw error;
    }
    await pause(tryEveryMs);
  }
}
