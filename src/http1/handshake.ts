import type { Ending } from '../core/ending.ts';
import type { ReplyError } from '../core/reply-error.ts';

/** Why a WebSocket handshake with an endpoint failed, and what that says of the endpoint. */
export class HandshakeError extends Error {
  readonly reply: ReplyError;
  readonly ending: Ending;
  /** Nothing of the handshake was processed: another endpoint may be asked. */
  readonly mayRetry: boolean;

  constructor(reply: ReplyError, ending: Ending, mayRetry = false) {
    super(reply.detail);
    this.reply = reply;
    this.ending = ending;
    this.mayRetry = mayRetry;
  }
}
