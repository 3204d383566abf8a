import { loadSync } from '@grpc/proto-loader';
import { expect } from 'chai';
import fc from 'fast-check';
import { poolOfProtoFiles } from '../../../src/reflection/definition-files.ts';
import type { DescriptorPool } from '../../../src/reflection/descriptor-pool.ts';
import { poolOfDescriptorSet } from '../../../src/reflection/descriptor-set.ts';
import type { Json } from '../../../src/reflection/json.ts';
import { jsonToMessage } from '../../../src/reflection/json-to-message.ts';
import { messageToJson } from '../../../src/reflection/message-to-json.ts';
import { protoDir } from '../../support/protos.ts';
import { fileDescriptors, part } from '../../support/reflection-server.ts';

const file = `${protoDir}test/types.proto`;

describe('messages as JSON', () => {
  const pool = poolOfProtoFiles([file], [protoDir]).value as DescriptorPool;
  const all = pool.message('outrigger.types.All')!;
  const wellKnown = pool.message('outrigger.types.WellKnown')!;

  const encode = (json: Json, type = all): Buffer => {
    const { value, error } = jsonToMessage(pool, type, json);
    expect(error).to.equal(undefined);
    return value as Buffer;
  };
  const through = (json: Json, type = all): Json | undefined =>
    messageToJson(pool, type, encode(json, type)).value;

  it('a message survives being written and read again', () => {
    const json: Json = {
      aDouble: 1.5,
      aFloat: 0.1,
      anInt32: -7,
      anInt64: '-9223372036854775808',
      aUint32: 4294967295,
      aUint64: '18446744073709551615',
      aSint32: -2147483648,
      aSint64: '-9223372036854775808',
      aFixed32: 4294967295,
      aFixed64: '18446744073709551615',
      aSfixed32: -1,
      aSfixed64: '-1',
      aBool: true,
      aString: 'zażółć',
      someBytes: 'AP8=',
      colour: 'BLUE',
      child: { anInt32: 1, child: {} },
      numbers: [1, -2, 3],
      texts: ['a', ''],
      children: [{}, { aString: 'x' }],
      counts: { a: '1', b: '-2' },
      byNumber: { '-3': { aBool: true } },
      byFlag: { true: 'RED' },
      textChoice: 'one',
      maybe: 0,
      inner: { note: 'n' },
      colours: ['RED', 'COLOUR_UNSPECIFIED'],
    };
    expect(through(json)).to.deep.equal(json);
  });

  it('accepts the names of the definition, numbers in quotes, and numbers of an enum', () => {
    expect(through({ an_int32: '5', colour: 1, a_double: 'NaN', an_int64: 12 })).to.deep.equal({
      anInt32: 5,
      colour: 'RED',
      aDouble: 'NaN',
      anInt64: '12',
    });
  });

  it('null is as if the value were absent', () => {
    expect(encode({ aString: null, numbers: null, child: null })).to.have.length(0);
  });

  it('the types of google.protobuf have the forms of ProtoJSON', () => {
    const json: Json = {
      at: '2026-01-31T12:00:00.500Z',
      lasts: '-1.500s',
      mask: 'user.displayName,photo',
      struct: { a: [1, null, { b: 'c' }], d: true },
      value: null,
      list: [1, 'x', false],
      wrapped: '0',
      flag: false,
      any: { '@type': 'type.googleapis.com/outrigger.types.All', aString: 'inside' },
      nothing: null,
    };
    expect(through(json, wellKnown)).to.deep.equal(json);
    const special = { any: { '@type': 'type.googleapis.com/google.protobuf.Duration', value: '3s' } };
    expect(through(special, wellKnown)).to.deep.equal(special);
    expect(through({ at: '2026-01-31T13:00:00+01:00' }, wellKnown)).to.deep.equal({
      at: '2026-01-31T12:00:00Z',
    });
  });

  const wrong: ReadonlyArray<readonly [Json, string]> = [
    [{ anInt32: 1.5 }, 'anInt32 must be a whole number from -2147483648 to 2147483647, not 1.5'],
    [{ aUint32: -1 }, 'aUint32 must be a whole number from 0 to 4294967295, not -1'],
    [{ child: { aBool: 'yes' } }, 'child.aBool must be true or false, not "yes"'],
    [{ numbers: 3 }, 'numbers must be a JSON array, not 3'],
    [{ children: [{}, 4] }, 'children[1] must be a JSON object, not 4'],
    [{ aStrnig: 'x' }, 'aStrnig is not in outrigger.types.All, did you mean "aString"?'],
    [
      { colour: 'GREEN' },
      'colour must be a value of outrigger.types.Colour (COLOUR_UNSPECIFIED, RED, BLUE), not "GREEN"',
    ],
    [
      { textChoice: 'a', numberChoice: 1 },
      'numberChoice and "textChoice" are alternatives of the oneof "choice"; write one of them',
    ],
    [{ someBytes: '%%' }, 'someBytes must be bytes in base64, not "%%"'],
    [{ counts: { a: 'x' } }, 'counts["a"] must be a whole number from -9223372036854775808'],
    [{ anInt64: 2 ** 60 }, 'anInt64 must be a number in quotes'],
    [[], 'the message must be a JSON object, not []'],
  ];
  for (const [json, sentence] of wrong)
    it(`reports ${JSON.stringify(json).slice(0, 50)} with its path and what to write`, () => {
      expect(jsonToMessage(pool, all, json).error).to.include(sentence);
    });

  it('a descriptor set gives the same definitions', () => {
    const set = Buffer.concat([...fileDescriptors('test/types.proto').values()].map((one) => part(1, one)));
    const other = poolOfDescriptorSet(set).value!;
    const bytes = encode({ aString: 'x', byNumber: { 1: { aBool: true } } });
    expect(messageToJson(other, other.message('outrigger.types.All')!, bytes).value).to.deep.equal({
      aString: 'x',
      byNumber: { 1: { aBool: true } },
    });
    expect(poolOfDescriptorSet(Buffer.from('not a set')).error).to.match(/^it is not a descriptor set: /);
    expect(poolOfDescriptorSet(Buffer.alloc(0)).error).to.equal(
      'it is not a descriptor set: it has no files',
    );
  });

  it('reads what protobuf.js writes, and protobuf.js reads what it writes', () => {
    const { requestSerialize: serialize, requestDeserialize: deserialize } = returnMethod();
    fc.assert(
      fc.property(messages(3), (message) => {
        const theirs = serialize(message);
        const json = messageToJson(pool, all, theirs).value as Json;
        const ours = encode(json);
        expect(deserialize(ours)).to.deep.equal(deserialize(theirs));
      }),
      { numRuns: 200 },
    );
  });

  it('random bytes give a value or a sentence, and never an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const { value, error } = messageToJson(
          pool,
          bytes.length % 2 === 0 ? all : wellKnown,
          Buffer.from(bytes),
        );
        expect(value === undefined).to.equal(error !== undefined);
      }),
      { numRuns: 3_000 },
    );
  });

  it('a message that is nested too deep, or has too many values, is refused', () => {
    let deep = Buffer.alloc(0);
    for (let i = 0; i < 200; i++) deep = Buffer.concat([Buffer.of(0x8a, 1), lengthOf(deep), deep]);
    expect(messageToJson(pool, all, deep).error).to.include('nested more than 100 deep');
    const many = encode({ numbers: Array.from({ length: 50 }, () => 1) });
    expect(messageToJson(pool, all, many, 20).error).to.include('more than 20 values');
  });
});

function returnMethod(): {
  requestSerialize(value: object): Buffer;
  requestDeserialize(bytes: Buffer): object;
} {
  const options = { keepCase: true, longs: String, includeDirs: [protoDir] };
  const service = loadSync(file, options)['outrigger.types.Types'] as unknown as {
    Return: ReturnType<typeof returnMethod>;
  };
  return service.Return;
}

function lengthOf(bytes: Buffer): Buffer {
  return bytes.length < 128
    ? Buffer.of(bytes.length)
    : Buffer.of((bytes.length & 127) | 128, bytes.length >> 7);
}

/** Messages `All` as protobuf.js takes them. */
function messages(depth: number): fc.Arbitrary<object> {
  const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
  const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
  const child = depth === 0 ? fc.constant({}) : fc.option(messages(depth - 1), { nil: {} });
  return fc.record(
    {
      a_double: fc.double(),
      a_float: fc.float(),
      an_int32: int32,
      an_int64: int64,
      a_uint32: uint32,
      a_uint64: uint64,
      a_sint32: int32,
      a_sint64: int64,
      a_fixed32: uint32,
      a_fixed64: uint64,
      a_sfixed32: int32,
      a_sfixed64: int64,
      a_bool: fc.boolean(),
      a_string: fc.string({ unit: 'grapheme' }),
      some_bytes: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      colour: fc.constantFrom(0, 1, -5, 77),
      child,
      numbers: fc.array(int32),
      texts: fc.array(fc.string()),
      children: fc.array(child, { maxLength: 2 }),
      counts: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), int64),
      by_number: fc.dictionary(int32.map(String), child, { maxKeys: 2 }),
      text_choice: fc.string(),
      maybe: int32,
    },
    { requiredKeys: [] },
  );
}
