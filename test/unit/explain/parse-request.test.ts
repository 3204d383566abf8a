import { expect } from 'chai';
import fc from 'fast-check';
import { parseWrittenRequest, writtenHeadersMax } from '../../../src/explain/parse-request.ts';

const parsed = (request: string, headers: readonly string[] = [], authority?: string) =>
  parseWrittenRequest({ request, headers, authority }).value;
const errorOf = (request: string, headers: readonly string[] = []) =>
  parseWrittenRequest({ request, headers }).error;

describe('explain/parse-request', () => {
  it('reads a method with a path, a path alone, a URL, and the method of a gRPC service', () => {
    expect(parsed('POST /a?b=c')).to.include({
      method: 'POST',
      path: '/a?b=c',
      authority: 'localhost',
      grpc: false,
    });
    expect(parsed('/a')).to.include({ method: 'GET', path: '/a' });
    expect(parsed('https://shop.example:8443/a?b')).to.include({
      path: '/a?b',
      authority: 'shop.example:8443',
    });
    expect(parsed('GET http://shop')).to.include({ path: '/', authority: 'shop' });
    expect(parsed('OPTIONS *')).to.include({ method: 'OPTIONS', path: '*' });
    const grpc = parsed('pkg.v1.Shop/Order', [], 'shop')!;
    expect(grpc).to.include({ method: 'POST', path: '/pkg.v1.Shop/Order', authority: 'shop', grpc: true });
    expect(grpc.headers).to.deep.equal([['content-type', 'application/grpc']]);
  });

  it('reads headers, and takes the content type and the host from them', () => {
    const web = parsed('/a', ['X-User:  Ada ', 'host: shop', 'x-empty:'])!;
    expect(web.headers).to.deep.equal([
      ['x-user', 'Ada'],
      ['host', 'shop'],
      ['x-empty', ''],
    ]);
    expect(web.authority).to.equal('shop');
    expect(parsed('POST /a.B/C', ['content-type: application/grpc+proto'])!.grpc).to.equal(true);
    expect(parsed('a.B/C', ['content-type: text/plain'])!.grpc).to.equal(false);
  });

  it('says what is wrong and what to write, and never quotes the value of a header', () => {
    expect(errorOf('')).to.match(/^"" is not a request; write "GET \/orders\/7" or /);
    expect(errorOf('GET a b')).to.match(/is not a request/);
    expect(errorOf('GET a')).to.match(/^the path "a" does not begin with "\/"/);
    expect(errorOf('G(T /a')).to.match(/^the method "G\(T" is not a token/);
    expect(errorOf('/a\u0000')).to.match(/control character; percent-encode it$/);
    expect(errorOf('/a', [':path: /b'])).to.match(/pseudo-header/);
    expect(errorOf('/a', ['nocolon'])).to.equal('the header "nocolon" has no colon; write "nocolon: value"');
    expect(errorOf('/a', ['Bearer s3cret!@'])).to.equal('a header has no colon; write "name: value"');
    const control = errorOf('/a', ['authorization: s3cret\u0007']);
    expect(control).to.include('"authorization"').and.not.to.include('s3cret');
    expect(errorOf('/a', Array(writtenHeadersMax + 1).fill('a: b'))).to.match(/more than 100 headers/);
    expect(errorOf(`/${'a'.repeat(9000)}`)).to.match(/more than 8192 characters/);
    expect(parseWrittenRequest({ request: '/a', authority: 'a b' }).error).to.match(/is not a host/);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string(), fc.array(fc.string()), (request, headers) => {
        const { value, error } = parseWrittenRequest({ request, headers });
        expect((value === undefined) !== (error === undefined)).to.equal(true);
      }),
    );
  });
});
