import type { HeaderBlock } from '../core/header-block.ts';
import type { MessageStream, StreamReceiver } from '../core/message-stream.ts';

/** Hears the client's side of a tunnel: bytes, `last` with its FIN, and the loss of the connection. */
export type TunnelReceiver = Pick<StreamReceiver, 'data' | 'sent' | 'failed'>;

/**
 * The bytes of a client's connection that follow the head of a request to switch protocols (RFC 9110 section 7.8). What is
 * written to it goes to the client as it is, the reply to that request included.
 *
 * It works as a `MessageStream` without heads: `data` copies the bytes, and with `last` closes this side (FIN). Bytes that the
 * transport has taken are reported by `sent`, at most 64 KiB are pushed to the receiver and not yet `consumed`, and `reset`
 * closes the connection so that the client sees it broken. Once both sides have sent their `last`, the connection closes. The
 * receiver hears one `failed` where the connection is lost before that.
 */
export interface Tunnel extends Pick<MessageStream, 'data' | 'consumed' | 'reset'> {
  /** Set before the handler returns: what came behind the head follows at once. */
  receiver: TunnelReceiver | null;
}

/** Takes over a connection behind the head of a request whose `MessageHead.websocket` is true. */
export type TunnelHandler = (head: HeaderBlock, tunnel: Tunnel) => void;
