import type { Duplex } from 'node:stream';
import type { HeaderBlock } from '../core/header-block.ts';
import type { MessageStream } from '../core/message-stream.ts';
import { OutputBuffer } from '../transport/output-buffer.ts';
import { writeReplyHead, writeSwitchingHead } from './message-writer.ts';
import { TunnelDuplex } from './tunnel-duplex.ts';
import { connectReplyOfSwitching } from './websocket-head.ts';

/** The side of a WebSocket that asked for it. */
export interface UpgradeClient {
  /** What follows the heads, both ways. Ending it ends the connection or the stream of the client. */
  readonly duplex: Duplex;
  /** HTTP/2 has one status, 200, for a WebSocket that is open, so no reply that declines one may have a status from 200 to 299. */
  readonly isHttp2: boolean;
  /**
   * Sends the head of the reply: with `:status` 101 that of an open WebSocket, else one whose body follows through `duplex`
   * and ends with it. `bodyBytes` is the length of that, -1 where it is not known.
   */
  head(head: HeaderBlock, bodyBytes: number): void;
}

/** Would the client take this reply, which declines a WebSocket, for one that opens it? */
export function opensByMistake({ isHttp2 }: UpgradeClient, { status }: HeaderBlock): boolean {
  return isHttp2 && status < 300;
}

/** A client over HTTP/1.1, whose connection is `duplex` from the end of its request head on. */
export function http1UpgradeClient(duplex: Duplex): UpgradeClient {
  return {
    duplex,
    isHttp2: false,
    head: (head, bodyBytes) => {
      const out = new OutputBuffer();
      const words = writeHead(out, head, bodyBytes);
      if (words === null) duplex.write(Buffer.from(out.bytes.subarray(0, out.length)));
      else duplex.destroy(new Error(`the reply to the client had ${words}`));
      out.clear();
    },
  };
}

/** A client that sent an extended CONNECT over HTTP/2 (RFC 8441). */
export function http2UpgradeClient(stream: MessageStream): UpgradeClient {
  return {
    duplex: new TunnelDuplex(stream),
    isHttp2: true,
    head: (head) => stream.head(head.status === 101 ? connectReplyOfSwitching(head) : head, false),
  };
}

function writeHead(out: OutputBuffer, head: HeaderBlock, bodyBytes: number): string | null {
  const { status } = head;
  if (status === 101) return writeSwitchingHead(out, head);
  // RFC 9110 section 8.6: 204 has no content-length; that of 304 would be the length of a body that is not here.
  const hasLength = status !== 204 && status !== 304 && bodyBytes >= 0;
  return writeReplyHead(out, head, hasLength ? 'length' : 'close', bodyBytes, {
    minorVersion: 1,
    keepAlive: false,
  });
}
