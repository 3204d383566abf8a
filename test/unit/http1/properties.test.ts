import { expect } from 'chai';
import fc from 'fast-check';
import { Field } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { HeadCache } from '../../../src/http1/head-cache.ts';
import {
  writeChunk,
  writeLastChunk,
  writeReplyHead,
  writeRequestHead,
} from '../../../src/http1/message-writer.ts';
import { OutputBuffer } from '../../../src/transport/output-buffer.ts';
import { type ParseOptions, parse } from '../../support/http1-events.ts';
import { arbitraryInput } from '../../support/http1-inputs.ts';
import { differenceFromLlhttp } from '../../support/http1-llhttp.ts';
import { readings } from '../../support/http1-reference.ts';

const roles = ['request', 'reply'] as const;
const methods = fc.array(fc.constantFrom('GET', 'HEAD', 'POST'), { minLength: 1, maxLength: 4 });
const limits = fc.constantFrom<NonNullable<ParseOptions['limits']>>(
  {},
  {},
  { headBytesMax: 60 },
  { fieldsMax: 3 },
  { chunkExtensionBytesMax: 3 },
);

const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/).map((name) => `x-${name}`);
const value = fc
  .array(fc.integer({ min: 0x20, max: 0xff }), { maxLength: 20 })
  .map((bytes) =>
    Buffer.from(bytes.filter((byte) => byte !== 0x7f))
      .toString('latin1')
      .trim(),
  )
  // `trim` knows more white space than HTTP does.
  .filter((text) => !/^[ \t]|[ \t]$/.test(text));
const fields = fc.array(
  fc.tuple(token, value).map(([name, text]) => new Field(name, text)),
  { maxLength: 8 },
);
const bodyParts = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 4 });

describe('http1 properties', () => {
  for (const role of roles) {
    describe(`of a ${role}`, () => {
      it('is read as the reference reads it, in whatever state the cache is', () => {
        fc.assert(
          fc.property(arbitraryInput(role), methods, limits, fc.boolean(), (text, list, limit, websocket) => {
            const heads = new HeadCache();
            for (let i = 0; i < 4; i++) {
              const { ours, reference } = readings(role, text, {
                methods: list,
                limits: limit,
                heads,
                websocket,
              });
              expect(ours, JSON.stringify(text)).to.equal(reference);
            }
          }),
          { numRuns: 1500 },
        );
      });

      it('is read as llhttp reads it, but for the rules that are listed', () => {
        fc.assert(
          fc.property(arbitraryInput(role), (text) => {
            expect(differenceFromLlhttp(role, text), JSON.stringify(text)).to.equal(null);
          }),
          { numRuns: 1500 },
        );
      });

      it('is the same events however the input is split, the place of an error included', () => {
        const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 });
        fc.assert(
          fc.property(
            arbitraryInput(role),
            methods,
            limits,
            cuts,
            fc.boolean(),
            (text, list, limit, shares, fin) => {
              const options = { methods: list, limits: limit, fin, heads: new HeadCache() };
              const whole = parse(role, text, options).events;
              const places = shares.map((share) => Math.floor(share * text.length)).sort((a, b) => a - b);
              expect(parse(role, text, { ...options, cuts: places }).events).to.deep.equal(whole);
              const each = Array.from({ length: text.length }, (_, i) => i);
              expect(parse(role, text, { ...options, cuts: each }).events).to.deep.equal(whole);
            },
          ),
          { numRuns: 600 },
        );
      });
    });
  }

  it('any bytes are read without an exception, and as the reference reads them', () => {
    const bytes = fc.uint8Array({ maxLength: 60 }).map((list) => Buffer.from(list).toString('latin1'));
    fc.assert(
      fc.property(fc.constantFrom(...roles), bytes, (role, text) => {
        const { ours, reference } = readings(role, text);
        expect(ours).to.equal(reference);
      }),
      { numRuns: 600 },
    );
  });

  it('what is written is read again: requests', () => {
    const method = fc
      .stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,10}$/)
      .filter((text) => text !== 'CONNECT');
    const path = fc.stringMatching(/^\/[!"$-~]{0,20}$/);
    const authority = fc.constantFrom('a.test', '[::1]:80', 'b:8080', 'x_y');
    fc.assert(
      fc.property(
        method,
        path,
        authority,
        fields,
        bodyParts,
        fields,
        fc.boolean(),
        (verb, to, host, list, parts, trailing, known) => {
          const start = [
            new Field(':method', verb),
            new Field(':scheme', 'http'),
            new Field(':authority', host),
            new Field(':path', to),
          ];
          const block = new HeaderBlock([...start, ...list]);
          block.repeated = known;
          const out = new OutputBuffer(64);
          const options = { fallbackHost: '', clientAddress: null };
          for (let i = 0; i < 2; i++) {
            expect(writeRequestHead(out, block, 'chunked', -1, options)).to.equal(null);
            for (const part of parts) writeChunk(out, part, 0, part.length);
            writeLastChunk(out, new HeaderBlock(trailing));
          }
          const { events } = parse('request', out.bytes.toString('latin1', 0, out.length));
          const body = parts.map((part) => Buffer.from(part).toString('latin1')).join('');
          const names = (of: readonly Field[]): string[] =>
            of.map((field) => `${field.name}: ${field.value}`);
          const once = [
            names(block.allFields),
            ...(body === '' ? [] : [body]),
            trailing.length === 0 ? null : names(trailing),
          ];
          expect(
            events.map((event) =>
              'head' in event
                ? event.head
                : 'data' in event
                  ? event.data
                  : 'end' in event
                    ? event.end
                    : event,
            ),
          ).to.deep.equal([...once, ...once]);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('what is written is read again: replies', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 200, max: 999 }),
        fields,
        fc.uint8Array({ maxLength: 40 }),
        fc.boolean(),
        (status, list, body, keepAlive) => {
          const block = new HeaderBlock([new Field(':status', String(status)), ...list]);
          const bodiless = status === 204 || status === 304;
          const out = new OutputBuffer(64);
          const options = { minorVersion: 1, keepAlive } as const;
          const problem = writeReplyHead(
            out,
            block,
            bodiless ? 'none' : 'length',
            bodiless ? 0 : body.length,
            options,
          );
          expect(problem).to.equal(null);
          const head = out.bytes.toString('latin1', 0, out.length);
          const text = bodiless ? '' : Buffer.from(body).toString('latin1');
          const parsed = parse('reply', head + text);
          expect(parsed.body).to.equal(text);
          expect(parsed.heads[0].keepAlive).to.equal(keepAlive);
          expect(parsed.fields[0].filter((line) => !line.startsWith('content-length'))).to.deep.equal(
            block.allFields.map(({ name, value: of }) => `${name}: ${of}`),
          );
          expect(parsed.events.at(-1)).to.deep.equal({ end: null });
        },
      ),
      { numRuns: 500 },
    );
  });
});
