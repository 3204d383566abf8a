import type { WaitingStream } from './stream-host.ts';

/**
 * Streams that have DATA and window of their own but wait for the connection's window or for the transport. Served
 * in turn, a frame each, so that one large body does not keep the others waiting.
 */
export class SendQueue {
  /** By stream id, in the order of their turns: a Map keeps the order in which keys were put in. */
  private readonly queue = new Map<number, WaitingStream>();

  add(stream: WaitingStream): void {
    this.queue.set(stream.id, stream);
  }

  /**
   * The stream is over. A peer that grants the connection nothing and resets stream after stream would otherwise leave
   * them all here, for as long as it keeps the connection.
   */
  delete(id: number): void {
    if (this.queue.size > 0) this.queue.delete(id);
  }

  /** Sends while `mayGoOn`; a stream that is done or waits for its own window leaves the queue. */
  serve(mayGoOn: () => boolean): void {
    // What is put in again during the loop comes to its turn in the same loop.
    for (const stream of this.queue.values()) {
      if (!mayGoOn()) return;
      this.queue.delete(stream.id);
      if (stream.sendOneFrame()) this.queue.set(stream.id, stream);
    }
  }

  get empty(): boolean {
    return this.queue.size === 0;
  }

  /** Streams that wait; for tests. */
  get size(): number {
    return this.queue.size;
  }
}
