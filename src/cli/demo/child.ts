import { keepProcess, systemClock } from '../../core/clock.ts';
import { systemRandom } from '../../core/random.ts';
import { Load, type LoadFigures, type LoadSettings } from './load.ts';
import { type ReplicaSettings, startReplica } from './replica.ts';

/**
 * The process of one replica or of the load: what is not the sidecar runs outside its process, so that the
 * sidecar's CPU, memory and latency are its own. The parent gives the work as JSON and hears by messages.
 */
export type ChildWork =
  | { readonly role: 'replica'; readonly replica: ReplicaSettings }
  | { readonly role: 'load'; readonly load: LoadSettings };

export type ChildMessage =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'second'; readonly figures: LoadFigures }
  | { readonly kind: 'total'; readonly figures: LoadFigures };

const send = (message: ChildMessage): void => {
  // A parent that has gone is heard of by 'disconnect'.
  process.send?.(message, () => {});
};

async function run(work: ChildWork): Promise<void> {
  process.on('disconnect', () => process.exit(0));
  if (work.role === 'replica') {
    try {
      send({ kind: 'listening', port: await startReplica(work.replica, systemClock, systemRandom()) });
    } catch {
      // The port is in use: the parent reports it.
      process.exit(1);
    }
    return;
  }
  // Without a parent, as in a container, nothing else keeps the process between two calls.
  if (process.send === undefined) keepProcess();
  const load = new Load(work.load, systemClock, systemRandom());
  let timer = systemClock.after(1000, everySecond);
  function everySecond(): void {
    timer = systemClock.after(1000, everySecond);
    send({ kind: 'second', figures: load.takeWindow() });
  }
  process.once('message', async () => {
    timer.cancel();
    send({ kind: 'total', figures: await load.stop() });
  });
}

await run(JSON.parse(process.argv[2]) as ChildWork);
