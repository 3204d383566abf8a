import { deflateSync, gzipSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { masked } from '../../../src/core/secret-keys.ts';
import { type DecodedMessage, Decoder, type EncodedMessage } from '../../../src/tap/decoder.ts';
import { messagesCharsMax } from '../../../src/tap/limits.ts';
import { accountFiles, accountService } from '../../support/account-server.ts';
import { message, part } from '../../support/reflection-server.ts';

const path = '/outrigger.test.Account/Login';
const set = message(...[...accountFiles.values()].map((file) => part(1, file)));
const login = Buffer.from(
  accountService.Login.requestSerialize({ user: 'ann', password: 'pw', email: 'a@b' }),
);
const text = (value: string): Buffer => Buffer.from(value);

function decoderOf(descriptors: Uint8Array = set): Decoder {
  const decoder = new Decoder();
  expect(decoder.load('s', descriptors)).to.equal('');
  return decoder;
}

function decode(message: Partial<EncodedMessage>, decoder = decoderOf(), of = path): DecodedMessage {
  const encoded: EncodedMessage = {
    direction: 'request',
    form: 'protobuf',
    encoding: '',
    body: login,
    ...message,
  };
  return decoder.decode({ schema: 's', path: of, messages: [encoded], hidden: ['email'], revealed: [] })[0];
}

const shownLogin = { json: { user: 'ann', password: masked, email: masked } };

describe('tap: decoder', () => {
  it('decodes a message by its descriptors, and hides what it must', () => {
    expect(decode({})).to.deep.equal(shownLogin);
  });

  it('shows replies by their own type, as ProtoJSON', () => {
    const reply = accountService.Login.responseSerialize({
      opened: { seconds: 5 },
      balance: { cents: 7, currency: 1 },
    });
    expect(decode({ direction: 'response', body: Buffer.from(reply) })).to.deep.equal({
      json: { opened: '1970-01-01T00:00:05Z', balance: { cents: '7', currency: 'EUR' } },
    });
  });

  it('decompresses gzip and deflate', () => {
    expect(decode({ encoding: 'gzip', body: gzipSync(login) })).to.deep.equal(shownLogin);
    expect(decode({ encoding: 'deflate', body: deflateSync(login) })).to.deep.equal(shownLogin);
  });

  it('refuses what is not compressed as declared, too large, or of another coding', () => {
    const problem = (message: Partial<EncodedMessage>): string =>
      (decode(message) as { problem: string }).problem;
    expect(problem({ encoding: 'gzip', body: login })).to.equal(
      'is not compressed with gzip, as its headers declare',
    );
    const bomb = gzipSync(Buffer.alloc(8 << 20));
    expect(problem({ encoding: 'gzip', body: bomb })).to.equal(
      'has more than 1048576 bytes after decompression',
    );
    expect(problem({ encoding: 'snappy' })).to.equal(
      'is compressed with snappy, which tap cannot decompress',
    );
  });

  it('shows a limited number of characters of all messages together, however well they compress', () => {
    const list = Array.from({ length: 90 }, () => ({ text: 'x'.repeat(1_000), n: 1 }));
    const body = gzipSync(JSON.stringify([list, list, list, list, list]));
    const messages = Array.from({ length: 200 }, () => ({
      direction: 'response' as const,
      form: 'json' as const,
      encoding: 'gzip',
      body,
    }));
    const shown = decoderOf().decode({ schema: '', path, messages, hidden: [], revealed: [] });
    expect(JSON.stringify(shown).length).to.be.below(1.2 * messagesCharsMax);
    expect(JSON.stringify(shown[0])).to.contain('x'.repeat(1_000));
    expect(JSON.stringify(shown[1])).to.contain('(the rest is not shown)');
    expect(shown.at(-1)).to.deep.equal({ problem: 'is not shown: the messages before it are too large' });
  });

  it('says why a message does not decode', () => {
    expect((decode({ body: text('\x0a\xff') }) as { problem: string }).problem).to.match(
      /^was not decoded: the bytes are not a valid outrigger.test.LoginRequest: /,
    );
    expect(decode({}, decoderOf(), '/outrigger.test.Account/Nothing')).to.deep.equal({
      problem:
        'has no definition: the service "outrigger.test.Account" has no method "Nothing"; it has Login, Watch',
    });
    expect(decode({}, decoderOf(), '/toString/constructor')).to.have.property('problem');
    expect(decode({}, new Decoder())).to.have.property('problem');
    expect(decode({ form: 'json', body: text('{') })).to.deep.equal({
      problem: 'is no JSON, as its content type says it is',
    });
  });

  it('shows JSON as JSON', () => {
    expect(decode({ form: 'json', body: text('{"a":[1],"token":"x"}') })).to.deep.equal({
      json: { a: [1], token: masked },
    });
  });

  it('never throws, whatever the bytes are', () => {
    const decoder = decoderOf();
    const encoding = fc.constantFrom('', 'gzip', 'deflate', 'br', 'x');
    const form = fc.constantFrom('protobuf' as const, 'json' as const);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), encoding, form, (body, coding, of) => {
        const shown = decode({ body, encoding: coding, form: of }, decoder);
        expect('json' in shown || shown.problem.length > 0).to.equal(true);
      }),
    );
  });
});

describe('tap: dialogue with a reflection service', () => {
  const files = [...accountFiles];
  const first = files.find(([, file]) => file.includes('LoginRequest'))!;
  const answer = (...some: Buffer[]): Buffer => part(4, message(...some.map((file) => part(1, file))));

  it('asks for each file that is imported and did not come, and then decodes', () => {
    const decoder = new Decoder();
    expect(Buffer.from(decoder.reflect('s', 'outrigger.test.Account').question!)).to.deep.equal(
      part(4, 'outrigger.test.Account'),
    );
    let step = decoder.reflected('s', answer(first[1]));
    for (const [name, file] of files) {
      if (name === first[0]) continue;
      expect(Buffer.from(step.question!)).to.deep.equal(part(3, name));
      step = decoder.reflected('s', answer(file));
    }
    expect(step).to.deep.equal({ isComplete: true });
    expect(decode({}, decoder)).to.deep.equal(shownLogin);
    decoder.drop('s');
    expect(decode({}, decoder)).to.deep.equal({ problem: 'has no definition' });
  });

  it('goes on without an imported file that the server does not have', () => {
    const decoder = new Decoder();
    decoder.reflect('s', 'outrigger.test.Account');
    let step = decoder.reflected('s', answer(first[1]));
    while (step.question !== undefined) step = decoder.reflected('s', part(7, part(2, 'not found')));
    expect(step).to.deep.equal({ isComplete: true });
    expect(decode({}, decoder)).to.deep.equal(shownLogin);
  });

  it('has one next step, whatever the bytes of an answer are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const decoder = new Decoder();
        decoder.reflect('s', 'a.B');
        const { question, isComplete, error } = decoder.reflected('s', bytes);
        expect([question, isComplete, error].filter((one) => one !== undefined)).to.have.length(1);
      }),
    );
  });

  it('is forgotten where it was dropped', () => {
    expect(new Decoder().reflected('s', Buffer.alloc(0))).to.deep.equal({
      error: 'the reflection was stopped',
    });
  });
});
