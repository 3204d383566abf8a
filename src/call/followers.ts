import type { HeaderBlock } from '../core/header-block.ts';
import type { ReplyError } from '../core/reply-error.ts';
import type { CallRecord } from '../telemetry/call-record.ts';
import type { Follower } from './stage.ts';

/** Those that follow one request, in the order in which they came. */
export class Followers {
  private readonly list: Follower[];

  constructor(first: Follower) {
    this.list = [first];
  }

  add(follower: Follower): void {
    this.list.push(follower);
  }

  /** Shows part of the request body; returns the error of the first follower that ends the request, and null without one. */
  data(bytes: Uint8Array, start: number, end: number, last: boolean): ReplyError | null {
    for (const follower of this.list) {
      const error = follower.data?.(bytes, start, end, last) ?? null;
      if (error !== null) return error;
    }
    return null;
  }

  trailers(trailers: HeaderBlock): void {
    for (const follower of this.list) follower.trailers?.(trailers);
  }

  replyHead(head: HeaderBlock): void {
    for (const follower of this.list) follower.replyHead?.(head);
  }

  replyData(bytes: Uint8Array, start: number, end: number): void {
    for (const follower of this.list) follower.replyData?.(bytes, start, end);
  }

  replyTrailers(trailers: HeaderBlock): void {
    for (const follower of this.list) follower.replyTrailers?.(trailers);
  }

  settled(record: CallRecord): void {
    for (const follower of this.list) follower.settled?.(record);
  }
}
