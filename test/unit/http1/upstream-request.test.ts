import { expect } from 'chai';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { upstreamRequest } from '../../../src/http1/upstream-request.ts';

const head = (method: string, ...more: Array<[string, string]>) =>
  HeaderBlock.of(
    [':method', method],
    [':scheme', 'http'],
    [':authority', 'a.test'],
    [':path', '/p'],
    ...more,
  );
const framing = (block: HeaderBlock, end: boolean) => {
  const { value } = upstreamRequest(block, end, 'fallback:1', '');
  const headers = value?.headers ?? [];
  return headers.slice(headers.indexOf('x-forwarded-proto') + 2).join(' ');
};

describe('http1/upstream-request', () => {
  it('frames every method alike: a known length, else chunks, else nothing', () => {
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'DELETE', 'POST', 'PATCH']) {
      expect(framing(head(method, ['content-length', '3']), false), method).to.equal('content-length 3');
      expect(framing(head(method), false), method).to.equal('transfer-encoding chunked');
    }
    expect(framing(head('GET'), true)).to.equal('');
    expect(framing(head('POST'), true)).to.equal('content-length 0');
    expect(framing(head('GET', ['content-length', '0']), true)).to.equal('content-length 0');
  });

  it('refuses a length without a body', () => {
    expect(upstreamRequest(head('POST', ['content-length', '3']), true, 'x', '').error).to.be.a('string');
  });

  it('says host first and once, from the authority, or the endpoint where there is none', () => {
    const { value } = upstreamRequest(head('GET', ['host', 'other']), true, 'fallback:1', '');
    expect(value?.headers.slice(0, 2)).to.deep.equal(['host', 'a.test']);
    expect(value?.headers.filter((text) => text === 'host')).to.have.length(1);
    const bare = HeaderBlock.of([':method', 'GET'], [':scheme', 'http'], [':path', '/']);
    expect(upstreamRequest(bare, true, 'fallback:1', '').value?.headers[1]).to.equal('fallback:1');
  });

  it('adds the client only where it gets one', () => {
    const names = (client: string | null) => upstreamRequest(head('GET'), true, 'x', client).value?.headers;
    expect(names('')).to.include('x-forwarded-proto').and.not.include('x-forwarded-for');
    expect(names('192.0.2.1')).to.include.members(['x-forwarded-for', '192.0.2.1', 'x-forwarded-proto']);
    expect(names(null)).not.to.include('x-forwarded-for').and.not.include('x-forwarded-proto');
    const came = head('GET', ['x-forwarded-for', 'a'], ['x-forwarded-for', 'b']);
    expect(upstreamRequest(came, true, 'x', null).value?.headers).to.include('a, b');
  });

  it('keeps trailer only where chunks can carry what it announces', () => {
    expect(upstreamRequest(head('POST', ['trailer', 'x']), false, 'x', '').value?.headers).to.include(
      'trailer',
    );
    const known = head('POST', ['trailer', 'x'], ['content-length', '1']);
    expect(upstreamRequest(known, false, 'x', '').value?.headers).to.not.include('trailer');
  });
});
