import type { WaitingStream } from './stream-host.ts';

/**
 * Streams that have DATA and window of their own but wait for the connection's window or for the transport. Served
 * in turn, a frame each, so that one large body does not keep the others waiting.
 */
export class SendQueue {
  private queue: WaitingStream[] = [];
  private readonly queued = new Set<number>();

  add(stream: WaitingStream): void {
    if (this.queued.has(stream.id)) return;
    this.queued.add(stream.id);
    this.queue.push(stream);
  }

  /** Sends while `mayGoOn`; a stream that is done or waits for its own window leaves the queue. */
  serve(mayGoOn: () => boolean): void {
    let served = 0;
    while (served < this.queue.length && mayGoOn()) {
      const stream = this.queue[served++];
      if (stream.sendOneFrame()) this.queue.push(stream);
      else this.queued.delete(stream.id);
    }
    if (served > 0) this.queue = this.queue.slice(served);
  }

  get empty(): boolean {
    return this.queue.length === 0;
  }
}
