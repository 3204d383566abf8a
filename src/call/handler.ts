import type { HeaderBlock } from '../core/header-block.ts';
import type { MessageStream } from '../core/message-stream.ts';
import { Call } from './call.ts';
import type { Peer } from './peer.ts';
import type { ProxyContext } from './plan.ts';

/** What a downstream connection does with its requests. */
export interface CallHandler {
  stream(stream: MessageStream, head: HeaderBlock, end: boolean): void;
  /** A header section that passed the limit; `head` holds the fields before it did. */
  oversize(stream: MessageStream, head: HeaderBlock): void;
}

/** `context` is asked per call: after a reload new calls take the new one. */
export function callHandler(context: () => ProxyContext, peer: Peer): CallHandler {
  return {
    stream(stream, head, end) {
      new Call(context(), stream, peer, head, end).start();
    },
    oversize(stream, head) {
      const detail = 'the header section is larger than this listener allows';
      const call = new Call(context(), stream, peer, head, true);
      call.refuse({ code: 'header_too_large', detail, mayHaveProcessed: false });
    },
  };
}
