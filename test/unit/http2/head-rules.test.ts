import { expect } from 'chai';
import fc from 'fast-check';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { isRequest, isResponse, isTrailers } from '../../../src/http2/head-rules.ts';

type Pairs = ReadonlyArray<readonly [string, string]>;
const block = (...pairs: Pairs): HeaderBlock => HeaderBlock.of(...pairs);
const target: Pairs = [
  [':method', 'POST'],
  [':scheme', 'https'],
  [':authority', 'a.example:443'],
  [':path', '/a/b?c=d'],
];
const without = (name: string): Pairs => target.filter(([key]) => key !== name);
const having = (name: string, value: string): Pairs => [...without(name), [name, value] as const];

/** RFC 8441 section 4. */
const extended: Pairs = [...having(':method', 'CONNECT'), [':protocol', 'websocket']];
const extendedWith = (name: string, value: string): Pairs => [
  ...extended.filter(([n]) => n !== name),
  [name, value] as const,
];

const requests: ReadonlyArray<readonly [what: string, fields: Pairs, fine: boolean]> = [
  ['with its four pseudo-headers', target, true],
  ['in any order of them', [...target].reverse(), true],
  [
    'with fields after them',
    [...target, ['te', 'trailers'], ['x', ''], ['cookie', 'a=b'], ['cookie', 'c']],
    true,
  ],
  ['with bytes above 0x7f in a value', [...target, ['x', '\xe9\xff']], true],
  ...[...'#^|`/@\\ "<>{}'].map(
    (c) => [`with ${c} in :authority`, having(':authority', `a${c}b`), false] as const,
  ),
  ...[...'(),:;=[]/@ "'].map((c) => [`with ${c} in :method`, having(':method', `GE${c}T`), false] as const),
  ['without :method', without(':method'), false],
  ['without :scheme', without(':scheme'), false],
  ['without :path', without(':path'), false],
  ['without :authority or host, though https has one', without(':authority'), false],
  ['with host instead of :authority', [...without(':authority'), ['host', 'a.example']], true],
  [
    'without either, of another scheme',
    [...having(':scheme', 'urn').filter(([k]) => k !== ':authority')],
    true,
  ],
  ['with host that agrees', [...target, ['host', 'A.example:443']], true],
  ['with host that differs', [...target, ['host', 'b.example']], false],
  ['with two hosts', [...without(':authority'), ['host', 'a'], ['host', 'a']], false],
  ['with an empty host', [...without(':authority'), ['host', '']], false],
  ['with a second :path', [...target, [':path', '/']], false],
  ['with a second :method', [[':method', 'POST'], ...target], false],
  ['with a pseudo-header after a field', [...without(':path'), ['x', 'y'], [':path', '/']], false],
  ['with :status', [...target, [':status', '200']], false],
  ['with :protocol and another method than CONNECT', [...target, [':protocol', 'websocket']], false],
  ['extended CONNECT', extended, true],
  ...['', 'web socket', 'a/b'].map(
    (protocol) =>
      [`extended CONNECT with :protocol "${protocol}"`, extendedWith(':protocol', protocol), false] as const,
  ),
  ...[':scheme', ':path', ':authority'].map(
    (name) => [`extended CONNECT without ${name}`, extended.filter(([n]) => n !== name), false] as const,
  ),
  ['extended CONNECT for *', extendedWith(':path', '*'), false],
  ['extended CONNECT with a length', [...extended, ['content-length', '0']], false],
  [
    'extended CONNECT with two protocols',
    [...extended.slice(0, 1), [':protocol', 'x'], ...extended.slice(1)],
    false,
  ],
  ['with a pseudo-header that nobody knows', [...target, [':x', 'y']], false],
  ['with an empty method', having(':method', ''), false],
  ['with a space in its method', having(':method', 'GET /'), false],
  ['with an empty scheme', having(':scheme', ''), false],
  ['with a scheme that could split a line', having(':scheme', 'http\x20x'), false],
  ['with an empty path', having(':path', ''), false],
  ['with a path that does not begin with a slash', having(':path', 'a/b'), false],
  ['with an absolute path', having(':path', 'http://a.example/'), false],
  ['with a space in its path', having(':path', '/a b'), false],
  ['with a tab in its path', having(':path', '/a\tb'), false],
  ['with a fragment', having(':path', '/a#b'), false],
  ['with bytes above 0x7f in its path', having(':path', '/\xe9'), true],
  ['for * with POST', having(':path', '*'), false],
  [
    'for * with OPTIONS',
    [[':method', 'OPTIONS'], ...having(':path', '*').filter(([name]) => name !== ':method')],
    true,
  ],
  ['with an empty authority', having(':authority', ''), false],
  ['with userinfo', having(':authority', 'me@a.example'), false],
  ['with a slash in its authority', having(':authority', 'a/b'), false],
  ['with an IPv6 authority', having(':authority', '[::1]:50051'), true],
  ['with a percent-coded authority, as gRPC has over Unix sockets', having(':authority', '%2Ftmp%2Fs'), true],
  [
    'CONNECT',
    [
      [':method', 'CONNECT'],
      [':authority', 'a:1'],
    ],
    true,
  ],
  [
    'CONNECT with a path',
    [
      [':method', 'CONNECT'],
      [':authority', 'a:1'],
      [':path', '/'],
    ],
    false,
  ],
  [
    'CONNECT with an empty scheme',
    [
      [':method', 'CONNECT'],
      [':authority', 'a:1'],
      [':scheme', ''],
    ],
    false,
  ],
  ['CONNECT to nowhere', [[':method', 'CONNECT']], false],
  ['with an upper-case name', [...target, ['X-Y', 'z']], false],
  ['with an empty name', [...target, ['', 'z']], false],
  ['with a space in a name', [...target, ['x y', 'z']], false],
  ['with a colon in a name', [...target, ['x:y', 'z']], false],
  ['with CR in a value', [...target, ['x', 'a\rb']], false],
  ['with LF in a value', [...target, ['x', 'a\nb']], false],
  ['with NUL in a value', [...target, ['x', 'a\0b']], false],
  ['with a space before a value', [...target, ['x', ' a']], false],
  ['with a tab after a value', [...target, ['x', 'a\t']], false],
  ['with a tab inside a value', [...target, ['x', 'a\tb']], true],
  ['with connection', [...target, ['connection', 'close']], false],
  ['with keep-alive', [...target, ['keep-alive', '1']], false],
  ['with proxy-connection', [...target, ['proxy-connection', 'close']], false],
  ['with transfer-encoding', [...target, ['transfer-encoding', 'chunked']], false],
  ['with upgrade', [...target, ['upgrade', 'h2c']], false],
  ['with te other than trailers', [...target, ['te', 'trailers, deflate']], false],
  ['with a content-length', [...target, ['content-length', '12']], true],
  [
    'with the same content-length twice',
    [...target, ['content-length', '12'], ['content-length', '12']],
    false,
  ],
  ['with two content-lengths', [...target, ['content-length', '12'], ['content-length', '13']], false],
  ['with a negative content-length', [...target, ['content-length', '-1']], false],
  ['with a signed content-length', [...target, ['content-length', '+1']], false],
  ['with a list as content-length', [...target, ['content-length', '1, 1']], false],
  ['with a hexadecimal content-length', [...target, ['content-length', '0x1']], false],
  ['with an empty content-length', [...target, ['content-length', '']], false],
  ['with a content-length beyond exact numbers', [...target, ['content-length', '9'.repeat(16)]], false],
];

const responses: ReadonlyArray<readonly [what: string, fields: Pairs, fine: boolean]> = [
  [
    'with a pseudo-header that nobody knows',
    [
      [':status', '200'],
      [':x', 'y'],
    ],
    false,
  ],
  ['with a pseudo-header that nobody knows alone', [[':x', '200']], false],
  [
    'with a pseudo-header of requests',
    [
      [':status', '200'],
      [':method', 'GET'],
    ],
    false,
  ],
  [
    'with its status',
    [
      [':status', '200'],
      ['content-type', 'application/grpc'],
    ],
    true,
  ],
  ['with a status that nobody named', [[':status', '299']], true],
  ['without a status', [['content-type', 'a/b']], false],
  ['of nothing', [], false],
  [
    'with two',
    [
      [':status', '200'],
      [':status', '200'],
    ],
    false,
  ],
  [
    'with its status after a field',
    [
      ['x', 'y'],
      [':status', '200'],
    ],
    false,
  ],
  ['with a status of two digits', [[':status', '20']], false],
  ['with a status of four', [[':status', '2000']], false],
  ['with a status that is no number', [[':status', '2xx']], false],
  ['with a status that begins with 0', [[':status', '099']], false],
  ['that switches protocols', [[':status', '101']], false],
  [
    'that is informational',
    [
      [':status', '103'],
      ['link', '</a>'],
    ],
    true,
  ],
  [
    'that is informational and has a content-length',
    [
      [':status', '103'],
      ['content-length', '0'],
    ],
    false,
  ],
  [
    'with :path',
    [
      [':status', '200'],
      [':path', '/'],
    ],
    false,
  ],
  [
    'with connection',
    [
      [':status', '200'],
      ['connection', 'close'],
    ],
    false,
  ],
  [
    'with two content-lengths',
    [
      [':status', '200'],
      ['content-length', '1'],
      ['content-length', '2'],
    ],
    false,
  ],
  [
    'with LF in a value',
    [
      [':status', '200'],
      ['x', 'a\nb'],
    ],
    false,
  ],
  [
    'with an upper-case name',
    [
      [':status', '200'],
      ['X', 'a'],
    ],
    false,
  ],
];

const trailers: ReadonlyArray<readonly [what: string, fields: Pairs, fine: boolean]> = [
  [
    'with a status of gRPC',
    [
      ['grpc-status', '0'],
      ['grpc-message', ''],
      ['x-bin', 'AA'],
    ],
    true,
  ],
  ['of nothing', [], true],
  ['with any pseudo-header', [[':status', '200']], false],
  ['with one that nobody knows', [[':x', 'y']], false],
  ['with connection', [['connection', 'close']], false],
  ['with transfer-encoding', [['transfer-encoding', 'chunked']], false],
  ['with a content-length', [['content-length', '1']], false],
  ['with a host', [['host', 'a']], false],
  ['with CR in a value', [['x', 'a\r']], false],
  ['with an upper-case name', [['X', 'a']], false],
];

describe('http2/head-rules', () => {
  describe('a request', () => {
    for (const [what, fields, fine] of requests) {
      it(`${what} is ${fine ? 'well-formed' : 'malformed'}`, () => {
        expect(isRequest(block(...fields))).to.equal(fine);
      });
    }
  });

  describe('a response', () => {
    for (const [what, fields, fine] of responses) {
      it(`${what} is ${fine ? 'well-formed' : 'malformed'}`, () => {
        expect(isResponse(block(...fields))).to.equal(fine);
      });
    }
  });

  describe('a trailer section', () => {
    for (const [what, fields, fine] of trailers) {
      it(`${what} is ${fine ? 'well-formed' : 'malformed'}`, () => {
        expect(isTrailers(block(...fields))).to.equal(fine);
      });
    }
  });

  it('a block is one thing only, and what it is is remembered', () => {
    const request = block(...target);
    expect([isRequest(request), isTrailers(request), isResponse(request), isRequest(request)]).to.deep.equal([
      true,
      false,
      false,
      true,
    ]);
  });

  it('the fields of a base count as well', () => {
    const traced = (name: string): HeaderBlock =>
      new HeaderBlock(HeaderBlock.of([name, 'x']).fields, block(...target));
    expect(isRequest(traced('traceparent'))).to.equal(true);
    expect(isRequest(traced('connection'))).to.equal(false);
  });

  it('a head is as well-formed on a base as in one piece, wherever the base ends', () => {
    const field = fc.constantFrom(
      ...([
        ...target,
        [':method', 'CONNECT'],
        [':authority', 'other'],
        ['host', 'orders'],
        ['content-length', '5'],
        ['content-type', 'application/grpc'],
        ['te', 'trailers'],
        ['connection', 'close'],
        ['x-id', '1'],
        ['x-bad', 'a\nb'],
      ] as Array<[string, string]>),
    );
    fc.assert(
      fc.property(fc.boolean(), fc.array(field, { maxLength: 6 }), fc.nat(10), (whole, more, at) => {
        const fields = [...(whole ? target : []), ...more];
        const split = new HeaderBlock(
          HeaderBlock.of(...fields.slice(at)).fields,
          HeaderBlock.of(...fields.slice(0, at)),
        );
        expect(isRequest(split)).to.equal(isRequest(block(...fields)));
        expect(split.authority).to.equal(block(...fields).authority);
        expect(split.contentLength).to.deep.equal(block(...fields).contentLength);
      }),
      { numRuns: 1000 },
    );
  });

  it('a content-length is a number of bytes, -1 where none is declared', () => {
    expect(block(['content-length', '0']).contentLength).to.equal(0);
    expect(block(['content-length', '123456789012345']).contentLength).to.equal(123_456_789_012_345);
    expect(block(['x', '1']).contentLength).to.equal(-1);
  });
});
