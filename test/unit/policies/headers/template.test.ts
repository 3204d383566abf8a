import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import type { RequestView } from '../../../../src/call/stage.ts';
import { Field, FieldKind } from '../../../../src/core/field.ts';
import { TraceId } from '../../../../src/core/trace-id.ts';
import { parseTemplate, valueCharsMax } from '../../../../src/policies/headers/template.ts';
import { variables } from '../../../../src/policies/headers/variables.ts';
import type { Endpoint } from '../../../../src/upstream/endpoint.ts';

interface Outside {
  readonly path?: string;
  readonly identity?: string;
  readonly authority?: string;
  readonly address?: string;
  readonly endpoint?: string;
}

/** A request about which others say this. */
function sourceOf({ path = '/a', identity, authority = 'orders', address = '10.0.0.9', endpoint }: Outside) {
  const request = {
    peer: { address, port: 9, identity },
    // Not a block, which has no path where the path is malformed.
    requestHead: { method: 'GET', path, authority },
    record: {
      clientAddress: address,
      clientPort: address === '' ? 0 : 9,
      listener: 'in',
      route: 'hello',
      cluster: 'greeter',
      traceId: new TraceId(1, 2, 3, 4),
      notes: [{ policy: 'requestId', text: 'kept', facts: { requestId: 'r-1' } }],
    },
  } as unknown as RequestView;
  return { request, endpoint: endpoint === undefined ? null : ({ address: endpoint } as Endpoint) };
}
const expanded = (text: string, outside: Outside = {}): string =>
  parseTemplate(text).value!.expand(sourceOf(outside));

describe('policies/headers/template', () => {
  it('replaces every variable', () => {
    expect(expanded('{client.address}:{client.port}')).to.equal('10.0.0.9:9');
    expect(expanded('{listener}/{route}/{cluster}/{endpoint}', { endpoint: '10.0.0.1:1' })).to.equal(
      'in/hello/greeter/10.0.0.1:1',
    );
    expect(expanded('{trace.id}')).to.equal('00000001000000020000000300000004');
    expect(expanded('{request.id}')).to.equal('r-1');
    expect(expanded('{request.method} {request.authority}')).to.equal('GET orders');
    expect(expanded('{client.identity}', { identity: 'spiffe://td/a' })).to.equal('spiffe://td/a');
  });

  it('the page of the policy has every variable', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../../docs/policies/headers.md'), 'utf8');
    for (const name of Object.keys(variables)) expect(page).to.include(`\`{${name}}\``);
  });

  it('a path comes without its query', () => {
    expect(expanded('{request.path}', { path: '/a/b?token=1' })).to.equal('/a/b');
  });

  it('is empty where nothing is known', () => {
    expect(expanded('{client.identity}')).to.equal('');
    expect(expanded('{endpoint}')).to.equal('');
    expect(expanded('{client.address}{client.port}', { address: '' })).to.equal('');
  });

  it('{{ is a brace, and so is a closing one outside of a variable', () => {
    expect(expanded('{{"route":"{route}"}')).to.equal('{"route":"hello"}');
    expect(parseTemplate('{{route}').value!.constant).to.equal('{route}');
  });

  it('says what a variable is called, and what to write', () => {
    expect(parseTemplate('{client.adress}').error).to.equal(
      '"{client.adress}" is not a variable; did you mean {client.address}?',
    );
    expect(parseTemplate('{x}').error).to.match(
      /^"\{x\}" is not a variable; write one of \{client\.address\}, /,
    );
    expect(parseTemplate('{constructor}').error).to.match(/is not a variable/);
  });

  it('an error about a brace does not show the text beside it', () => {
    for (const text of ['a{', '{}', '{"token":"hunter2"}', '{hunter2 ', '{{{hunter2'])
      expect(parseTemplate(text).error).to.equal(
        'a value has a "{" that begins no variable; write {NAME}, or "{{" for the text "{"',
      );
  });

  it('knows which values are final only with an attempt', () => {
    expect(parseTemplate('{endpoint}').value!.late).to.equal(true);
    expect(parseTemplate('x{cluster}').value!.late).to.equal(true);
    expect(parseTemplate('{client.address}').value!.late).to.equal(false);
  });

  it('percent-encodes what is not printable ASCII', () => {
    expect(expanded('{request.path}', { path: '/a\r\nx-evil: 1\0\x7f\xe9' })).to.equal(
      '/a%0D%0Ax-evil: 1%00%7F%E9',
    );
    expect(expanded('{client.identity}', { identity: 'ж\u2028😀' })).to.equal('%D0%B6%E2%80%A8%F0%9F%98%80');
    expect(expanded('{client.identity}', { identity: ' a ' })).to.equal('a');
  });

  it('is bounded, for one variable and for all', () => {
    expect(expanded('{request.path}', { path: `/${'a'.repeat(5000)}` })).to.have.length(1024);
    expect(expanded('{request.path}', { path: '\xe9'.repeat(5000) })).to.have.length(1024);
    expect(expanded('{request.path}'.repeat(20), { path: `/${'a'.repeat(5000)}` })).to.have.length(
      valueCharsMax,
    );
  });

  it('whatever comes from outside, the value is one header', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 3000 }),
      fc.constantFrom('\r\n', '\0', ' ', '\t'),
    );
    const name = fc.constantFrom(...Object.keys(variables));
    const part = fc.oneof(
      name.map((known) => `{${known}}`),
      fc.constantFrom('a', ' ', '{{', '}'),
    );
    // A run that fails prints its seed; `fc.assert(…, { seed })` runs it again.
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 12 }),
        text,
        text,
        text,
        text,
        (parts, path, identity, address, endpoint) => {
          const value = expanded(parts.join(''), { path, identity, authority: path, address, endpoint });
          expect(value).to.match(/^[\x20-\x7e]*$/);
          expect(value.length).to.be.at.most(valueCharsMax);
          expect(new Field('x-a', value).kind).to.equal(FieldKind.Regular);
        },
      ),
    );
  });

  it('whatever the text, it is a template or an error that says what to write', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('{', '}', 'r', '.', 'route', ' ') }), (text) => {
        const { value, error } = parseTemplate(text);
        if (error === undefined) expect(value!.expand(sourceOf({}))).to.be.a('string');
        else expect(error).to.match(/write|did you mean/);
      }),
    );
  });
});
