import { Field } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';

type Pairs = ReadonlyArray<readonly [name: string, value: string]>;

const grpc: Pairs = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':authority', 'greeter:80'],
  [':path', '/helloworld.Greeter/SayHello'],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
];
const get: Pairs = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'a'],
  [':path', '/'],
];
export const requestHeads: readonly Pairs[] = [
  grpc,
  [
    ...grpc,
    ['grpc-timeout', '1S'],
    ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
  ],
  get,
  [...get, ['content-length', '5'], ['cookie', 'a=b'], ['cookie', 'c=d']],
  [[':method', 'HEAD'], ...get.slice(1)],
  [
    [':method', 'CONNECT'],
    [':authority', 'a:443'],
  ],
  [[':method', 'CONNECT'], [':protocol', 'websocket'], ...get.slice(1), ['sec-websocket-version', '13']],
  [[':method', 'OPTIONS'], ...get.slice(1, 3), [':path', '*']],
  [...get.slice(0, 2), [':path', '/x?y=z'], ['host', 'b.example']],
];
export const responseHeads: readonly Pairs[] = [
  [
    [':status', '200'],
    ['content-type', 'application/grpc'],
  ],
  [
    [':status', '200'],
    ['content-type', 'application/grpc'],
    ['grpc-status', '0'],
  ],
  [[':status', '100']],
  [[':status', '103']],
  [
    [':status', '200'],
    ['content-length', '5'],
  ],
  [[':status', '204']],
  [
    [':status', '304'],
    ['content-length', '7'],
  ],
  [[':status', '503']],
];
export const trailerHeads: readonly Pairs[] = [
  [['grpc-status', '0']],
  [
    ['grpc-status', '13'],
    ['grpc-message', 'no%20luck'],
    ['x-bin-bin', 'AAAA'],
  ],
];

const oddFields: Pairs = [
  ['Upper', 'x'],
  ['a b', 'x'],
  ['', 'x'],
  ['a:b', 'x'],
  ['x', 'a\r\nb: c'],
  ['x', 'a\0b'],
  ['x', ' a'],
  ['x', 'a\t'],
  ['x', '\u00e9\u0080\u007f'],
  ['connection', 'close'],
  ['transfer-encoding', 'chunked'],
  ['te', 'gzip'],
  ['upgrade', 'h2c'],
  ['content-length', '5'],
  ['content-length', '6'],
  ['content-length', '-1'],
  ['content-length', '99999999999999999999'],
  ['host', 'greeter:80'],
  ['host', 'other'],
  [':status', '200'],
  [':status', '99'],
  [':status', '101'],
  [':path', '/second'],
  [':path', 'no-slash'],
  [':path', '/a b'],
  [':path', '/a#b'],
  [':path', ''],
  [':method', ''],
  [':method', 'G ET'],
  [':scheme', ''],
  [':scheme', '1x'],
  [':authority', 'user@host'],
  [':authority', ''],
  [':protocol', 'websocket'],
  [':odd', 'x'],
  ['cookie', 'x'.repeat(200)],
  ['x-large', 'y'.repeat(4000)],
  ['x-repeat', 'z'],
];

/**
 * A header section from a template, changed as the bytes say: a field more at the front, the end or in another's place,
 * one left out, or many of them. Fields are made anew, so that no memory of an engine is shared by accident.
 */
export function headFrom(
  templates: readonly Pairs[],
  pick: number,
  change: number,
  odd: number,
): HeaderBlock {
  const pairs = [...templates[pick % templates.length]];
  const extra = oddFields[odd % oddFields.length];
  const at = (change >> 3) % (pairs.length + 1);
  switch (change % 8) {
    case 1:
      pairs.push(extra);
      break;
    case 2:
      pairs.splice(at, 0, extra);
      break;
    case 3:
      pairs.splice(at, 1, extra);
      break;
    case 4:
      pairs.splice(at, 1);
      break;
    case 5:
      for (let i = 0; i < (change >> 3) * 4; i++) pairs.push(extra);
      break;
    case 6:
      pairs.push([`x-${odd}`, String.fromCharCode(odd).repeat(change >> 3)]);
      break;
  }
  const fields = pairs.map(([name, value], i) => {
    const field = new Field(name, value, name === 'cookie' && change % 2 === 1);
    field.repeated = (pick + i) % 3 !== 0;
    return field;
  });
  const block = new HeaderBlock(fields);
  block.repeated = pick >= 128;
  return block;
}
