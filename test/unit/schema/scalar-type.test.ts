import { expect } from 'chai';
import fc from 'fast-check';
import { accessLogTarget } from '../../../src/config/access-log-target.ts';
import { address } from '../../../src/schema/address-type.ts';
import type { Raw, ScalarType, Unit } from '../../../src/schema/scalar-type.ts';
import * as types from '../../../src/schema/scalar-type.ts';
import { statusCodes } from '../../../src/schema/status-codes.ts';

interface Sample {
  readonly type: ScalarType<unknown, Unit>;
  /** What a flag or variable would hold, and the value it stands for. */
  readonly texts: ReadonlyArray<readonly [text: string, value: unknown]>;
  readonly wrong: ReadonlyArray<readonly [raw: Raw, sentence: string]>;
}

const small = types.number({ min: 1, max: 9 });
const samples: Record<string, Sample> = {
  text: {
    type: types.text({ charsMax: 3 }),
    texts: [
      ['abc', 'abc'],
      ['12', '12'],
    ],
    wrong: [
      ['abcd', '"abcd" has 4 characters; write at most 3'],
      ['', '"" is empty; write text'],
      [12, '12 is not text; write it in quotes, "12"'],
      [['a'], 'is a list; write text'],
    ],
  },
  name: {
    type: types.name,
    texts: [['a-b_c.1', 'a-b_c.1']],
    wrong: [
      ['-a', '"-a" is not a name; write letters, digits, "-", "_" and ".", beginning with a letter or digit'],
      [
        'a\u0000',
        '"a\\u0000" is not a name; write letters, digits, "-", "_" and ".", beginning with a letter or digit',
      ],
    ],
  },
  toggle: {
    type: types.toggle,
    texts: [
      ['true', true],
      ['false', false],
    ],
    wrong: [
      ['on', '"on" is neither true nor false; write true or false'],
      [1, '1 is a number; write true or false'],
    ],
  },
  number: {
    type: small,
    texts: [
      ['1', 1],
      ['9', 9],
    ],
    wrong: [
      [0, '0 is below 1; write a whole number from 1 to 9'],
      [10, '10 is above 9; write a whole number from 1 to 9'],
      [1.5, '1.5 is not a whole number; write a whole number from 1 to 9'],
      ['2', '"2" is text; write 2 without quotes'],
      [' 2', '" 2" is not a number; write a whole number from 1 to 9'],
      ['1e0', '"1e0" is not a number; write a whole number from 1 to 9'],
    ],
  },
  choice: {
    type: types.choice(['a', 'b']),
    texts: [['b', 'b']],
    wrong: [
      ['c', '"c" is not known; write a or b'],
      [null, 'has no value; write a or b'],
    ],
  },
  choices: {
    type: types.choices(['a', 'b']),
    texts: [['b, a', ['b', 'a']]],
    wrong: [
      [['a', 'c'], '"c" is not known; write a or b'],
      [['a', 'a'], '"a" is in the list twice; write it once'],
      ['a', '"a" is text; write a list of a and b'],
    ],
  },
  wordOr: {
    type: types.wordOr('auto', small),
    texts: [
      ['auto', 'auto'],
      ['3', 3],
    ],
    wrong: [[10, '10 is above 9; write auto or a whole number from 1 to 9']],
  },
  duration: {
    type: types.duration({ min: '1ms', max: '1m' }),
    texts: [['1.5s', 1500]],
    wrong: [
      ['0s', '"0s" is too short; write 1ms or more'],
      ['2m', '"2m" is too long; write 1m or less'],
      [5, '5 has no unit; write 5s or 5ms'],
    ],
  },
  size: {
    type: types.size({ min: '1KiB', max: '1MiB' }),
    texts: [['64KiB', 65_536]],
    wrong: [
      ['1B', '"1B" is too small; write 1KiB or more'],
      ['2MiB', '"2MiB" is too large; write 1MiB or less'],
      [5, '5 has no unit; write 5B, 5KiB or 5MiB'],
    ],
  },
  address: {
    type: address('connect'),
    texts: [
      ['[::1]:80', { kind: 'tcp', host: '::1', port: 80 }],
      ['unix:/a', { kind: 'unix', path: '/a' }],
    ],
    wrong: [
      [80, '80 is only a port; write host:port, 127.0.0.1:80 for this machine'],
      ['a:0', '"a:0": nothing can be reached at port 0; write a port from 1 to 65535'],
      ['a:99999', '"a:99999": port 99999 is too high; write a number from 0 to 65535'],
    ],
  },
  accessLogTarget: {
    type: accessLogTarget,
    texts: [
      ['stdout', { kind: 'stdout' }],
      ['file:/a', { kind: 'file', path: '/a' }],
    ],
    wrong: [['syslog', '"syslog" is not known; write none, stdout, stderr or file:PATH']],
  },
  statusCodes: {
    type: statusCodes,
    texts: [['200,204', [200, 204]]],
    wrong: [
      [[], 'is empty; write a list of statuses, such as [200, 204]'],
      [[99], '99 is not an HTTP status; write numbers from 100 to 599'],
      [200, '200 is a number; write a list of statuses, such as [200, 204]'],
    ],
  },
};

describe('config/scalar-type', () => {
  for (const [name, { type, texts, wrong }] of Object.entries(samples)) {
    describe(name, () => {
      it('reads what a flag or variable holds, and writes it back as a file would', () => {
        for (const [text, value] of texts) {
          const parsed = type.parse(type.fromText(text));
          expect(parsed, text).to.deep.equal({ value });
          expect(type.parse(type.toRaw(parsed.value)), text).to.deep.equal({ value });
        }
      });

      it('says what is wrong with anything else, and what to write', () => {
        for (const [raw, sentence] of wrong) expect(type.parse(raw)).to.deep.equal({ error: sentence });
      });

      it('never throws', () => {
        fc.assert(
          fc.property(fc.jsonValue(), fc.string(), (raw, text) => {
            for (const value of [raw as Raw, type.fromText(text)]) {
              const parsed = type.parse(value);
              expect('error' in parsed && parsed.error !== undefined).to.equal(!('value' in parsed));
            }
          }),
        );
      });
    });
  }

  it('takes the path of a standard stream for the stream', () => {
    expect(accessLogTarget.parse('file:/dev/stdout')).to.deep.equal({ value: { kind: 'stdout' } });
    expect(accessLogTarget.parse('file:/dev/stderr')).to.deep.equal({ value: { kind: 'stderr' } });
    expect(accessLogTarget.parse('file:/dev/full')).to.deep.equal({
      value: { kind: 'file', path: '/dev/full' },
    });
  });

  it('puts the article before a noun that it has in speech', () => {
    expect(['URL', 'user name', 'address', 'size'].map(types.article)).to.deep.equal([
      'a URL',
      'a user name',
      'an address',
      'a size',
    ]);
  });
});
