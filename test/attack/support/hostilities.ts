import type { Hostility } from './hostile-server.ts';
import type { RawPeer } from './raw-peer.ts';
import {
  block,
  data,
  Flags,
  frame,
  goaway,
  headers,
  indexed,
  inserted,
  integer,
  type Pair,
  ping,
  preface,
  priority,
  repeat,
  rst,
  Setting,
  settings,
  Type,
  u32,
  windowUpdate,
} from './wire.ts';

/** What a hostile replica does, and what becomes of the call that it gets. */
const INTERNAL = 13;
const UNAVAILABLE = 14;
/** Not faster than the honest client can bear on the same cores. */
const floodMs = 600;

const okHead: Pair[] = [
  [':status', '200'],
  ['content-type', 'application/grpc'],
];
const okTrailers: Pair[] = [['grpc-status', '0']];
const head = (id: number, ...more: Pair[]): Buffer => headers(id, block(...okHead, ...more));

/** Says something to each request. */
export const says = (frames: (id: number) => Buffer[]): Hostility => ({
  request: (peer, id) => peer.send(...frames(id)),
});
/** Says something over and over from the first request on. */
const floods = (frames: (id: number) => Buffer[]): Hostility => ({
  request: (peer, id) => void peer.flood(repeat(Buffer.concat(frames(id)), 65_536), floodMs),
});
/** Says something as soon as it is connected to, in place of its own SETTINGS. */
const opensWith = (...bytes: Buffer[]): Hostility => ({
  mute: true,
  connected: (peer) => peer.send(...bytes),
});

interface Row {
  readonly name: string;
  readonly hostility: Hostility;
  /** Whether the sidecar ends the connection. */
  readonly ends: boolean;
  /** The status of the call. */
  readonly codes: readonly number[];
}

const row = (name: string, hostility: Hostility, ends: boolean, ...codes: number[]): Row => ({
  name,
  hostility,
  ends,
  codes: codes.length === 0 ? [INTERNAL, UNAVAILABLE] : codes,
});

export const openings: Row[] = [
  row(
    'SETTINGS with a window over 2^31 - 1',
    opensWith(settings([Setting.InitialWindowSize, 0x8000_0000])),
    true,
  ),
  row('SETTINGS with frames of 1 byte', opensWith(settings([Setting.MaxFrameSize, 1])), true),
  row('SETTINGS with push enabled', opensWith(settings([Setting.EnablePush, 1])), true),
  row('SETTINGS of 5 bytes', opensWith(frame(Type.Settings, 0, 0, Buffer.alloc(5))), true),
  row('SETTINGS on a stream', opensWith(frame(Type.Settings, 0, 1)), true),
  row('SETTINGS that allow no stream', { settings: [[Setting.MaxConcurrentStreams, 0]] }, true),
  row('another frame before SETTINGS', opensWith(ping()), true),
  row('a frame of 16 MiB', opensWith(settings(), Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1])), true),
  row('the preface of a client', opensWith(preface), true),
  row('HTTP/1.1', opensWith(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')), true),
  row(
    'random bytes',
    opensWith(Buffer.from('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03garbage', 'latin1')),
    true,
  ),
  row('no word at all', opensWith(), true),
  row('SETTINGS a byte at a time', { mute: true, connected: drip }, true),
  row('GOAWAY at once', opensWith(settings(), goaway(0, 2)), true),
  row('its end at once', { mute: true, connected: (peer) => void peer.socket.end() }, true),
  row('its end after SETTINGS', { connected: (peer) => void peer.socket.end() }, true),
];

export const answers: Row[] = [
  row(
    'GOAWAY of 3 bytes',
    says(() => [frame(Type.Goaway, 0, 0, Buffer.alloc(3))]),
    true,
  ),
  row(
    'GOAWAY on a stream',
    says((id) => [frame(Type.Goaway, 0, id, u32(0, 0))]),
    true,
  ),
  row(
    'GOAWAY with 16 KiB of debug data',
    says(() => [goaway(0, 11, '\x00\xff'.repeat(8000))]),
    true,
  ),
  row(
    'GOAWAYs whose last stream rises',
    says((id) => [goaway(0, 0), goaway(id, 0), goaway(0x7fff_ffff, 0)]),
    true,
  ),
  row(
    'DATA after a GOAWAY that gave the stream up',
    says((id) => [goaway(0, 0), head(id), data(id, Buffer.alloc(9))]),
    true,
  ),
  row(
    'a push',
    says((id) => [frame(Type.PushPromise, Flags.EndHeaders, id, Buffer.concat([u32(2), block(...okHead)]))]),
    true,
  ),
  row(
    'HEADERS on a stream nobody opened',
    says(() => [head(99)]),
    true,
  ),
  row(
    'HEADERS on an even stream',
    says(() => [head(2)]),
    true,
  ),
  row(
    'DATA on a stream nobody opened',
    says(() => [data(99, Buffer.of(1))]),
    true,
  ),
  row(
    'RST_STREAM on a stream nobody opened',
    says(() => [rst(99)]),
    true,
  ),
  row(
    'WINDOW_UPDATE on a stream nobody opened',
    says(() => [windowUpdate(99, 1)]),
    true,
  ),
  row(
    'DATA on stream 0',
    says(() => [data(0, Buffer.of(1))]),
    true,
  ),
  row(
    'padding longer than its frame',
    says((id) => [head(id), frame(Type.Data, Flags.Padded, id, Buffer.of(9, 1))]),
    true,
  ),
  row(
    'CONTINUATION that begins nothing',
    says((id) => [frame(Type.Continuation, Flags.EndHeaders, id, block(...okHead))]),
    true,
  ),
  row(
    'a header section that is interrupted',
    says((id) => [frame(Type.Headers, 0, id, block(...okHead)), ping()]),
    true,
  ),
  row(
    'a block with an index past the table',
    says((id) => [headers(id, indexed(100))]),
    true,
  ),
  row(
    'a block with an integer over 32 bits',
    says((id) => [headers(id, integer(2 ** 40, 7, 0x80))]),
    true,
  ),
  row(
    'the window of the connection overflowed',
    says(() => [windowUpdate(0, 0x7fff_ffff)]),
    true,
  ),
  row(
    'a window increment of 0',
    says(() => [windowUpdate(0, 0)]),
    true,
  ),
  row(
    'the window of the stream overflowed',
    says((id) => [windowUpdate(id, 0x7fff_ffff)]),
    false,
    INTERNAL,
  ),
  row(
    'a window increment of 0 for the stream',
    says((id) => [windowUpdate(id, 0)]),
    false,
    INTERNAL,
  ),
  row(
    'DATA before HEADERS',
    says((id) => [data(id, Buffer.of(1))]),
    false,
    INTERNAL,
  ),
  row(
    'DATA after END_STREAM',
    says((id) => [headers(id, block(...okHead), true), data(id, Buffer.of(1))]),
    false,
    2,
    INTERNAL,
  ),
  row(
    'a head without a status',
    says((id) => [headers(id, block(['content-type', 'application/grpc']))]),
    false,
    INTERNAL,
  ),
  row(
    'a status that is none',
    says((id) => [headers(id, block([':status', 'abc']))]),
    false,
    INTERNAL,
  ),
  row(
    'status 101',
    says((id) => [headers(id, block([':status', '101']))]),
    false,
    INTERNAL,
  ),
  row(
    'an interim reply that ends the stream',
    says((id) => [headers(id, block([':status', '103']), true)]),
    false,
    INTERNAL,
  ),
  row(
    'a head with CR LF',
    says((id) => [head(id, ['x-a', 'b\r\nc: d'])]),
    false,
    INTERNAL,
  ),
  row(
    'a head with connection',
    says((id) => [head(id, ['connection', 'close'])]),
    false,
    INTERNAL,
  ),
  row(
    'a pseudo-header of requests',
    says((id) => [headers(id, block([':path', '/'], ...okHead))]),
    false,
    INTERNAL,
  ),
  row(
    'fewer bytes than content-length',
    says((id) => [head(id, ['content-length', '9']), headers(id, block(...okTrailers), true)]),
    false,
    INTERNAL,
  ),
  row(
    'trailers without END_STREAM',
    says((id) => [head(id), headers(id, block(...okTrailers))]),
    false,
    INTERNAL,
  ),
  row(
    'trailers with a pseudo-header',
    says((id) => [head(id), headers(id, block([':status', '200']), true)]),
    false,
    INTERNAL,
  ),
  row(
    'a head of 400 fields',
    says((id) => [head(id, ...new Array<Pair>(400).fill(['x-a', 'b']))]),
    false,
    INTERNAL,
  ),
  row(
    'a bomb of indexed fields',
    says((id) => [
      headers(
        id,
        Buffer.concat([block(...okHead), inserted(['x-b', 'b'.repeat(3900)]), repeat(indexed(62), 12_000)]),
      ),
    ]),
    false,
    INTERNAL,
  ),
  row('its end in the middle', { request: (peer, id) => void peer.socket.end(head(id)) }, true, UNAVAILABLE),
  row(
    'a reset of the connection',
    { request: (peer) => void peer.socket.resetAndDestroy() },
    true,
    UNAVAILABLE,
  ),
];

const full = Buffer.alloc(16_384);
export const flooding: Row[] = [
  row(
    'a CONTINUATION flood',
    {
      request: (peer, id) => {
        peer.send(frame(Type.Headers, 0, id, block(...okHead)));
        void peer.flood(repeat(frame(Type.Continuation, 0, id), 65_536), floodMs);
      },
    },
    true,
  ),
  row(
    'endless header bytes',
    {
      request: (peer, id) => {
        peer.send(frame(Type.Headers, 0, id, block(...okHead)));
        void peer.flood(
          frame(Type.Continuation, 0, id, repeat(block(['x-a', 'b'.repeat(100)]), 16_000)),
          floodMs,
        );
      },
    },
    true,
  ),
  row(
    'interim replies without end',
    floods((id) => [headers(id, block([':status', '103']))]),
    true,
  ),
  row(
    'a PING flood',
    floods(() => [ping()]),
    true,
  ),
  row(
    'a SETTINGS flood',
    floods(() => [settings()]),
    true,
  ),
  row(
    'a PRIORITY flood',
    floods(() => [priority(1, 0)]),
    true,
  ),
  row(
    'a WINDOW_UPDATE flood',
    floods((id) => [windowUpdate(0, 1), windowUpdate(id, 1)]),
    true,
  ),
  row(
    'unknown frames without end',
    floods(() => [frame(0x2a, 0, 0)]),
    true,
  ),
  row(
    'GOAWAYs without end',
    floods(() => [goaway(0x7fff_ffff, 0)]),
    true,
  ),
  row(
    'DATA past every window',
    floods((id) => [head(id), data(id, full), data(id, full), data(id, full), data(id, full)]),
    true,
  ),
  row(
    'empty DATA without end',
    {
      request: (peer, id) => {
        peer.send(head(id));
        void peer.flood(repeat(data(id, Buffer.alloc(0)), 65_536), floodMs);
      },
    },
    true,
  ),
  row(
    'DATA of one byte without end, on a stream that was reset',
    {
      request: (peer, id) => {
        peer.send(headers(id, block([':status', 'abc'])));
        void peer.flood(repeat(data(id, Buffer.of(1)), 65_536), floodMs);
      },
    },
    true,
  ),
];

function drip(peer: RawPeer): void {
  const bytes = settings([Setting.InitialWindowSize, 65_535]);
  let at = 0;
  const timer = setInterval(() => {
    if (peer.closed || at >= bytes.length - 1) clearInterval(timer);
    else peer.send(bytes.subarray(at, ++at));
  }, 150);
  peer.socket.on('close', () => clearInterval(timer));
}
