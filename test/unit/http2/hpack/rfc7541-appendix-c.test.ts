import { expect } from 'chai';
import { Field } from '../../../../src/core/field.ts';
import { HeaderBlock } from '../../../../src/core/header-block.ts';
import { HpackDecoder } from '../../../../src/http2/hpack/decoder.ts';
import { HpackEncoder } from '../../../../src/http2/hpack/encoder.ts';
import { blockPairs, decoded, encoded, hex, type Pair, pairs, roomy } from './support.ts';

interface Step {
  readonly wire: string;
  readonly fields: readonly Pair[];
  /** The dynamic table afterwards, newest first. */
  readonly table: readonly Pair[];
}

function plays(decoder: HpackDecoder, steps: readonly Step[]): void {
  for (const step of steps) {
    expect(blockPairs(decoded(decoder, hex(step.wire)))).to.deep.equal(step.fields);
    expect(pairs(decoder.entries())).to.deep.equal(step.table);
  }
}

const authority: Pair = [':authority', 'www.example.com'];
const noCache: Pair = ['cache-control', 'no-cache'];
const custom: Pair = ['custom-key', 'custom-value'];
const requests: Array<Omit<Step, 'wire'>> = [
  {
    fields: [[':method', 'GET'], [':scheme', 'http'], [':path', '/'], authority],
    table: [authority],
  },
  {
    fields: [[':method', 'GET'], [':scheme', 'http'], [':path', '/'], authority, noCache],
    table: [noCache, authority],
  },
  {
    fields: [[':method', 'GET'], [':scheme', 'https'], [':path', '/index.html'], authority, custom],
    table: [custom, noCache, authority],
  },
];

const status302: Pair = [':status', '302'];
const isPrivate: Pair = ['cache-control', 'private'];
const date21: Pair = ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'];
const date22: Pair = ['date', 'Mon, 21 Oct 2013 20:13:22 GMT'];
const location: Pair = ['location', 'https://www.example.com'];
const cookie: Pair = ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'];
const status307: Pair = [':status', '307'];
const gzip: Pair = ['content-encoding', 'gzip'];
const responses: Array<Omit<Step, 'wire'>> = [
  { fields: [status302, isPrivate, date21, location], table: [location, date21, isPrivate, status302] },
  { fields: [status307, isPrivate, date21, location], table: [status307, location, date21, isPrivate] },
  {
    fields: [[':status', '200'], isPrivate, date22, location, gzip, cookie],
    table: [cookie, gzip, date22],
  },
];

function withWires(steps: ReadonlyArray<Omit<Step, 'wire'>>, wires: readonly string[]): Step[] {
  return steps.map((step, index) => ({ ...step, wire: wires[index] }));
}

/** The response examples are of a table of 256 bytes; the update to it stands before the first block. */
function smallTable(steps: Step[]): Step[] {
  return steps.map((step, index) => (index === 0 ? { ...step, wire: `3fe101${step.wire}` } : step));
}

describe('RFC 7541 appendix C', () => {
  it('C.2.1: a literal with indexing', () => {
    plays(new HpackDecoder(roomy), [
      {
        wire: '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
        fields: [['custom-key', 'custom-header']],
        table: [['custom-key', 'custom-header']],
      },
    ]);
  });

  it('C.2.2: a literal without indexing', () => {
    plays(new HpackDecoder(roomy), [
      { wire: '040c 2f73 616d 706c 652f 7061 7468', fields: [[':path', '/sample/path']], table: [] },
    ]);
  });

  it('C.2.3: a literal never indexed, decoded as sensitive and encoded to the same bytes', () => {
    const wire = '1008 7061 7373 776f 7264 0673 6563 7265 74';
    const block = decoded(new HpackDecoder(roomy), hex(wire));
    expect(blockPairs(block)).to.deep.equal([['password', 'secret']]);
    expect(block?.fields[0].sensitive).to.equal(true);
    expect(encoded(new HpackEncoder(), block!)).to.deep.equal(hex(wire));
  });

  it('C.2.4: an indexed field, decoded and encoded', () => {
    plays(new HpackDecoder(roomy), [{ wire: '82', fields: [[':method', 'GET']], table: [] }]);
    const block = new HeaderBlock([new Field(':method', 'GET')]);
    expect(encoded(new HpackEncoder(), block).toString('hex')).to.equal('82');
  });

  it('C.3: requests without Huffman coding', () => {
    plays(
      new HpackDecoder(roomy),
      withWires(requests, [
        '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '8286 84be 5808 6e6f 2d63 6163 6865',
        '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
      ]),
    );
  });

  it('C.4: requests with Huffman coding, decoded, and encoded once their fields repeat', () => {
    const steps = withWires(requests, [
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ]);
    plays(new HpackDecoder(roomy), steps);
    const known = new Map<string, Field>();
    const repeating = ([name, value]: Pair): Field => {
      const field = known.get(name + value) ?? new Field(name, value);
      field.repeated = true;
      known.set(name + value, field);
      return field;
    };
    const encoder = new HpackEncoder();
    for (const step of steps) {
      expect(encoded(encoder, new HeaderBlock(step.fields.map(repeating)))).to.deep.equal(hex(step.wire));
      expect(pairs(encoder.entries())).to.deep.equal(step.table);
    }
  });

  it('C.5: responses without Huffman coding, with evictions', () => {
    plays(
      new HpackDecoder(roomy),
      smallTable(
        withWires(responses, [
          `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133
           2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
          '4803 3330 37c1 c0bf',
          `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970
           7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61
           6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31`,
        ]),
      ),
    );
  });

  it('C.6: responses with Huffman coding, with evictions', () => {
    plays(
      new HpackDecoder(roomy),
      smallTable(
        withWires(responses, [
          `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad
           1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
          '4883 640e ffc1 c0bf',
          `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2
           e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
        ]),
      ),
    );
  });
});
