/** http2-proxy ships no types; these are the parts that `http2-proxy.ts` uses. */
declare module 'http2-proxy' {
  import type { EventEmitter } from 'node:events';
  import type { IncomingMessage } from 'node:http';
  import type { Duplex } from 'node:stream';

  interface Hooks {
    /** Makes the request upstream; what it gives is used as a `ClientRequest`. */
    onReq(request: EventEmitter, options: object): EventEmitter | Promise<EventEmitter>;
    /** Takes the reply; nothing is relayed but by this. */
    onRes(request: EventEmitter, reply: EventEmitter, upstreamReply: IncomingMessage): void;
  }
  const proxy: {
    ws(request: EventEmitter, socket: Duplex, head: Buffer, hooks: Hooks): Promise<void>;
  };
  export = proxy;
}
