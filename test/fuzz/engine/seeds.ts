import { recordBytes } from './script.ts';

/** Records of the scripts in `targets/connection.ts`, by what they do there. */
const op = {
  headers: 0,
  data: 1,
  windowUpdate: 2,
  settings: 3,
  ping: 4,
  reset: 5,
  goaway: 6,
  priority: 7,
  continuation: 8,
  payloadFrame: 9,
  payload: 10,
  raw: 11,
  spoil: 12,
  repeat: 13,
  settingsAck: 14,
  anyFrame: 15,
  /** The app: its head (a request where it is a client), and so on. */
  head: 16,
  body: 17,
  trailers: 18,
  appReset: 19,
  consume: 20,
  reading: 21,
  deliver: 22,
  flush: 24,
  time: 25,
  ready: 26,
  shutdown: 27,
} as const;

function record(name: keyof typeof op, ...rest: number[]): number[] {
  return [op[name], ...rest, ...new Array(recordBytes).fill(0)].slice(0, recordBytes);
}

function script(head: readonly number[], ...records: number[][]): Uint8Array {
  return Uint8Array.from([...head, ...records.flat()]);
}

const eager = [0, 4, 0];
const stalled = [0, 5, 0];

/** The parts of a call, for whichever end is under test. */
function partsFor(role: 'client' | 'server') {
  const asServer = role === 'server';
  // The call's first half, from whichever side begins.
  const begin = asServer ? [record('headers', 0, 0, 4)] : [record('head', 0, 0, 0, 0)];
  const half = asServer ? [record('head', 0, 0, 0)] : [record('headers', 150, 0, 4)];
  const bodyIn = record('data', 0, 0, 0, 0, 4, 0);
  const bodyOut = record('body', 0, 4, 0, 1, 0);
  const endIn = asServer ? record('data', 0, 0, 1, 0, 0, 5) : record('headers', 150, 0, 0x45);
  const endOut = asServer ? record('trailers', 0, 0) : record('body', 0, 0, 5, 1, 1);
  const call = [...begin, bodyIn, ...half, bodyIn, bodyOut, endIn, endOut, record('flush')];
  const largeOut = record('body', 0, 255, 255, 0, 0);
  return { begin, half, bodyIn, endIn, endOut, call, largeOut };
}
type Parts = ReturnType<typeof partsFor>;

/** Whole calls, under all limits. */
function wholeCalls({ call }: Parts): Uint8Array[] {
  return [
    script([0, 0, 0], ...call),
    script([0, 6, 1], ...call, ...call),
    script([1, 4, 7], ...call, ...call),
    script([2, 4, 0], ...call, ...call),
    script([3, 4, 3], ...call, record('settings', 2, 0, 1), ...call),
    script([4, 4, 0], ...call, ...call),
    script([5, 4, 0], ...call, record('windowUpdate', 0, 0, 3)),
  ];
}

/** Windows that close, and streams that end early. */
function windowsAndEnds({ begin, half, bodyIn, endIn, call, largeOut }: Parts): Uint8Array[] {
  return [
    script(
      stalled,
      ...begin,
      ...half,
      bodyIn,
      bodyIn,
      record('consume', 0, 4, 0),
      record('reading', 0, 1),
      endIn,
    ),
    script(
      eager,
      ...begin,
      ...half,
      largeOut,
      largeOut,
      record('flush'),
      record('windowUpdate', 0, 0, 6),
      record('windowUpdate', 3, 0, 6),
    ),
    script(
      eager,
      ...begin,
      ...half,
      largeOut,
      record('settings', 0, 3, 0),
      record('windowUpdate', 0, 0, 7),
      record('reset', 0, 0, 8),
    ),
    script(eager, ...begin, record('reset', 0, 0, 7), bodyIn, record('headers', 150, 0, 5)),
    script(eager, ...begin, record('appReset', 0, 8), bodyIn, endIn, record('windowUpdate', 0, 0, 1)),
    script(
      eager,
      record('ping'),
      record('repeat', 255),
      record('ping', 1),
      record('settings', 0, 3, 4),
      record('repeat', 200),
    ),
    script(eager, ...begin, record('goaway', 1, 0), record('goaway', 0, 2), ...call),
  ];
}

/** Every other frame, well-formed and not. */
function frames({ begin, half, bodyIn, endIn, endOut, largeOut }: Parts): Uint8Array[] {
  return [
    script(eager, ...begin, record('shutdown', 1), record('shutdown', 0), ...half, endIn, endOut),
    script(eager, record('priority', 0, 1, 0), record('priority', 201, 1, 255)),
    script(
      eager,
      record('headers', 0, 0, 0x2e, 1, 0, 0),
      record('continuation', 1, 3),
      record('continuation', 0, 0),
    ),
    script(
      eager,
      record('payload', 0x86, 0x82, 0x84, 0x87, 0x41, 1, 0x61),
      record('payloadFrame', 1, 5, 201, 1),
    ),
    script(
      eager,
      record('headers', 0, 0, 4, 0, 2, 4),
      record('headers', 0, 0, 4, 0, 1, 9),
      record('headers', 0, 0, 5, 3, 5 + 8 * 31, 35),
    ),
    script(
      [0, 0, 0],
      ...begin,
      bodyIn,
      record('spoil', 2, 0, 2, 9),
      record('deliver', 5),
      record('raw', 6, 1, 2, 3, 4, 5, 6),
    ),
    script([0, 2, 13], ...[0, 1, 2, 3, 4, 5, 6, 7].map((pick) => record('headers', 0, 0, 5, pick))),
    script(
      [1, 1, 0],
      record('headers', 0, 0, 4),
      record('repeat', 8),
      record('data', 0, 0, 8, 200, 0, 50),
      record('anyFrame', 9, 4, 10, 1),
    ),
    script(
      eager,
      ...begin,
      ...half,
      record('ready', 0),
      largeOut,
      record('windowUpdate', 0, 0, 8),
      record('ready', 1),
      record('flush'),
      endOut,
    ),
    script(eager, record('time', 255, 255), record('settingsAck'), record('settings', 2, 5, 12)),
  ];
}

/** A whole call, and everything else that a connection knows, once. `role` is the end under test. */
export function connectionSeeds(role: 'client' | 'server'): Uint8Array[] {
  const parts = partsFor(role);
  return [...wholeCalls(parts), ...windowsAndEnds(parts), ...frames(parts)];
}

/** Whole calls between two ends, honest and spoilt, with every pair of limits. */
export function pairSeeds(): Uint8Array[] {
  const plain = (...numbers: number[]): number[] =>
    [...numbers, ...new Array(recordBytes).fill(0)].slice(0, recordBytes);
  const request = plain(0, 0, 1);
  // [operation, which end, deed, which stream, ...]
  const requestBody = plain(1, 0, 1, 0, 3, 0, 1, 0);
  const largeBody = plain(1, 0, 1, 0, 255, 0, 0, 1);
  const replyHead = plain(1, 1, 0, 0, 0, 0);
  const replyBody = plain(1, 1, 1, 0, 200, 0, 0, 0);
  const replyTrailers = plain(1, 1, 2, 0, 0);
  const reset = plain(1, 0, 3, 0, 8);
  const there = plain(4, 0, 3, 7);
  const back = plain(5, 0, 3, 5);
  const settle = plain(6, 0, 0, 3);
  const call = [
    request,
    requestBody,
    there,
    replyHead,
    replyBody,
    back,
    largeBody,
    settle,
    replyTrailers,
    settle,
  ];
  return [
    ...[0, 1, 2, 3].map((set) => script([0, set, 3 - set], ...call, ...call)),
    script([2, 0, 0], ...call, plain(1, 0, 5, 0, 1), plain(1, 1, 5, 0, 1), settle),
    script([4, 1, 1], request, request, request, request, settle, largeBody, settle),
    script([0, 0, 0], request, requestBody, reset, settle, request, replyHead, settle),
    ...[0, 2, 3, 4, 5, 6].map((how) =>
      script(
        [1, how, 0],
        request,
        there,
        plain(7, 0, how, 1, 2, 3),
        ...call,
        plain(7, 1, how, 0, 9, 1),
        settle,
      ),
    ),
    script([0, 0, 0], request, there, plain(9, 1, 0), replyHead, replyBody, settle, plain(9, 1, 1), settle),
  ];
}
