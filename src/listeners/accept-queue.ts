import type { Clock } from '../core/clock.ts';

/** Somebody who connects without a pause must not keep a listener from closing. */
const emptyQueueTurnsMax = 1000;
const shortTurnMs = 0.1;

/**
 * Waits for a short turn of the event loop in which no connection came; `accepted` counts all that ever did. The kernel
 * resets the connections that wait to be accepted where a listener closes. In a turn all that wait are accepted, so what may
 * still be lost is what comes between the end of that turn's accepts and the close behind it: some microseconds. Where
 * several processes share an address the kernel deals connections out among them as they come, and
 * `net.ipv4.tcp_migrate_req` closes that gap too: the kernel hands them to the other process.
 */
export async function emptyQueue(clock: Clock, accepted: () => number): Promise<void> {
  for (let turn = 0; turn < emptyQueueTurnsMax; turn++) {
    const [before, beganMs] = [accepted(), clock.now()];
    await new Promise<void>((resolve) => setImmediate(resolve));
    const short = clock.now() - beganMs < shortTurnMs || turn > emptyQueueTurnsMax / 2;
    if (accepted() === before && short) return;
  }
}
