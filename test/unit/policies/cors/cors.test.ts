import { expect } from 'chai';
import { HeaderBlock } from '../../../../src/core/header-block.ts';
import type { Raw } from '../../../../src/schema/scalar-type.ts';
import { callRig, expectOver, httpHead } from '../../call/call-rig.ts';
import { minimal, problemsOf, warningsOf } from '../../config/support.ts';

type Pair = readonly [string, string];
type Written = { readonly [key: string]: Raw };

const app = 'https://app.test';
const evil = 'https://evil.test';
const requestFrom = (origin: string | null, method = 'GET', ...more: readonly Pair[]): HeaderBlock =>
  new HeaderBlock([
    ...httpHead(method).allFields,
    ...HeaderBlock.of(...(origin === null ? [] : [['origin', origin] as const]), ...more).allFields,
  ]);
const preflightFrom = (origin: string): HeaderBlock =>
  requestFrom(origin, 'OPTIONS', ['access-control-request-method', 'PUT']);

/** The headers about origins of a reply; an endpoint is asked, and answers with these, where Outrigger does not answer. */
function replied(cors: Written, head: HeaderBlock, ...ofEndpoint: readonly Pair[]) {
  const rig = callRig({ policies: { cors } });
  const client = rig.call(head);
  const direct = rig.order.length === 0;
  if (!direct) rig.order[0].receiver!.head(HeaderBlock.of([':status', '200'], ...ofEndpoint), true);
  const [given] = client.heads;
  const headers = given.allFields
    .filter(({ name }) => name.startsWith('access-control-') || name === 'vary')
    .map(({ name, value }) => `${name.replace('access-control-', '')}: ${value}`);
  expectOver(rig);
  return {
    direct,
    status: given.status,
    headers,
    notes: rig.settled[0].notes.map(({ text }) => String(text)),
  };
}

describe('policies/cors', () => {
  const strict: Written = {
    allowOrigins: [app],
    allowMethods: ['GET', 'PUT'],
    allowHeaders: ['content-type', 'x-grpc-web'],
    exposeHeaders: ['grpc-status'],
    allowCredentials: true,
    maxAge: '90s',
  };

  it('answers a preflight request without an endpoint', () => {
    expect(replied(strict, preflightFrom(app))).to.deep.equal({
      direct: true,
      status: 204,
      headers: [
        'allow-methods: GET, PUT',
        'allow-headers: content-type, x-grpc-web',
        'max-age: 90',
        'vary: Origin',
        `allow-origin: ${app}`,
        'allow-credentials: true',
      ],
      notes: [],
    });
  });

  it('allows nothing to another origin, and shows which', () => {
    expect(replied(strict, preflightFrom(evil))).to.deep.equal({
      direct: true,
      status: 204,
      headers: ['vary: Origin'],
      notes: [`does not allow the origin "${evil}"`],
    });
  });

  it('OPTIONS without the question of a browser reaches an endpoint', () => {
    expect(replied(strict, requestFrom(app, 'OPTIONS')).direct).to.equal(false);
    const noOrigin = requestFrom(null, 'OPTIONS', ['access-control-request-method', 'PUT']);
    expect(replied(strict, noOrigin).direct).to.equal(false);
  });

  it('lets pages of an allowed origin read the reply, and says what it varies by', () => {
    expect(replied(strict, requestFrom(app)).headers).to.deep.equal([
      'vary: Origin',
      `allow-origin: ${app}`,
      'allow-credentials: true',
      'expose-headers: grpc-status',
    ]);
  });

  it('never reflects an origin that is not allowed', () => {
    for (const origin of [evil, 'null', `${app}.evil.test`, `${app}, ${evil}`, '*', ''])
      expect(replied(strict, requestFrom(origin)).headers, origin).to.deep.equal(['vary: Origin']);
    expect(replied(strict, requestFrom(null)).headers).to.deep.equal(['vary: Origin']);
    expect(replied(strict, requestFrom(app, 'GET', ['origin', evil])).headers).to.deep.equal([
      'vary: Origin',
    ]);
    expect(replied(strict, requestFrom(evil, 'GET', ['origin', app])).headers).to.deep.equal([
      'vary: Origin',
    ]);
  });

  it('takes the place of what an endpoint says', () => {
    const ofEndpoint: Pair[] = [
      ['access-control-allow-origin', '*'],
      ['access-control-allow-credentials', 'true'],
      ['access-control-expose-headers', 'x-a'],
      ['vary', 'accept, ORIGIN'],
    ];
    expect(replied({ allowOrigins: [app] }, requestFrom(evil), ...ofEndpoint).headers).to.deep.equal([
      'vary: accept, ORIGIN',
    ]);
    expect(replied({ allowOrigins: [app] }, requestFrom(app), ...ofEndpoint).headers).to.deep.equal([
      'vary: accept, ORIGIN',
      `allow-origin: ${app}`,
    ]);
  });

  it('for all origins a reply is the same, and varies by nothing', () => {
    const open = { allowOrigins: ['*'], exposeHeaders: ['x-a'] };
    // A cache may keep the reply to an image that names no origin, and give it to a page that reads it.
    for (const origin of [evil, null])
      expect(replied(open, requestFrom(origin)).headers).to.deep.equal([
        'allow-origin: *',
        'expose-headers: x-a',
      ]);
    expect(replied(open, preflightFrom(evil)).headers).to.deep.equal([
      'allow-methods: GET, HEAD, POST',
      'allow-origin: *',
    ]);
  });

  it("lets pages read Outrigger's own errors", () => {
    const rig = callRig({ policies: { cors: strict, rateLimit: { requests: 1 } } });
    rig.call(requestFrom(app));
    const [refused] = rig.call(requestFrom(app)).heads;
    expect([refused.status, refused.get('access-control-allow-origin')]).to.deep.equal([429, app]);
  });

  it('a preflight request does not count to a rate limit', () => {
    const rig = callRig({ policies: { cors: strict, rateLimit: { requests: 1 } } });
    for (let i = 0; i < 3; i++) expect(rig.call(preflightFrom(app)).heads[0].status).to.equal(204);
  });
});

describe('policies/cors, checked at load', () => {
  const text = (written: string, more = '') => minimal({ route: `, cors: ${written}${more}` });
  const short = (line: string): string => line.replace(/^.*routes\[0\]\./, '');

  it('says what is wrong with an origin', () => {
    expect(problemsOf(text('{ allowOrigins: [https://a.test/x] }')).map(short)).to.deep.equal([
      'cors.allowOrigins: "https://a.test/x" is not an origin; write https://a.test, without a path',
    ]);
    expect(problemsOf(text('{ allowOrigins: [] }')).map(short)[0]).to.match(/is empty/);
    expect(problemsOf(text('{}')).map(short)[0]).to.match(/^cors\.allowOrigins: is missing/);
    expect(problemsOf(text('{ allowOrigins: ["*"], allowMethods: [get] }')).map(short)[0]).to.match(
      /"get" is not a name; write methods in capitals/,
    );
  });

  it('credentials are for what is listed', () => {
    for (const list of ['allowMethods', 'allowHeaders', 'exposeHeaders'])
      expect(
        problemsOf(text(`{ allowOrigins: [https://a.test], allowCredentials: true, ${list}: ["*"] }`)).map(
          short,
        ),
      ).to.deep.equal([
        `cors.${list}: "*" is not for credentials, which browsers refuse; write each of them`,
      ]);
    expect(problemsOf(text('{ allowOrigins: ["*"], allowCredentials: true }'))).to.have.length(1);
  });

  it('warns of a route that no preflight request reaches', () => {
    const cors = '{ allowOrigins: [https://a.test] }';
    const warned = (match: string) => warningsOf(text(cors, `, match: ${match}`)).map(short);
    expect(warned('{ method: POST }')[0]).to.match(
      /^cors: answers no preflight request: .* matches "POST" alone/,
    );
    expect(warned('{ method: [GET, POST] }')[0]).to.match(/matches "GET" and "POST" alone/);
    expect(warned('{ method: [GET, OPTIONS] }')).to.deep.equal([]);
    expect(warned('{ grpc: {} }')[0]).to.match(/gRPC calls alone/);
    expect(warned('{ pathPrefix: /a }')).to.deep.equal([]);
  });
});
