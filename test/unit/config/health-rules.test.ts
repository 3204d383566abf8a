import { expect } from 'chai';
import { maskSecrets } from '../../../src/admin/mask-secrets.ts';
import { fileOfConfig } from '../../../src/config/load.ts';
import { configOf, minimal, problemsOf } from './support.ts';

const cluster = (health: string) => minimal({ cluster: `    health: ${health}` });
const health = (text: string) => {
  const found = configOf(text).clusters[0].health;
  if (found === 'none') throw new Error('none');
  return found;
};

describe('health checks in the configuration', () => {
  it('an answer that says nothing about health means alive where nobody wrote health, else unhealthy', () => {
    expect(health(minimal()).inconclusive).to.equal('alive');
    for (const written of ['{}', '{ interval: 2s }', '{ grpc: {} }'])
      expect(health(cluster(written)).inconclusive, written).to.equal('unhealthy');
    expect(health(cluster('{ grpc: {}, inconclusive: alive }')).inconclusive).to.equal('alive');
  });

  it('is the same after it was written out and read again', () => {
    for (const text of [
      minimal(),
      cluster('{ interval: 2s }'),
      cluster('{ grpc: { metadata: { A-b: c } } }'),
    ]) {
      const written = JSON.stringify(fileOfConfig(configOf(text)));
      expect(JSON.stringify(fileOfConfig(configOf(written)))).to.equal(written);
    }
  });

  it('takes metadata and headers, with names in lower case', () => {
    const grpc = health(
      cluster('{ grpc: { metadata: { Authorization: "Bearer a b", trace-bin: AAEC } } }'),
    ).grpc;
    expect({ ...grpc?.metadata }).to.deep.equal({ authorization: 'Bearer a b', 'trace-bin': 'AAEC' });
    const text = minimal({
      cluster: '    protocol: http1\n    health: { http: { path: /, host: "a.b:1", headers: { X-Key: k } } }',
    });
    expect({ ...health(text).http?.headers }).to.deep.equal({ 'x-key': 'k' });
    expect(health(text).http?.host).to.equal('a.b:1');
  });

  for (const [written, said] of [
    ['{ ":path": /x }', '":path" is a pseudo-header, which Outrigger sets; leave it out'],
    [
      '{ grpc-timeout: 1S }',
      '"grpc-timeout" begins with "grpc-", which the gRPC protocol reserves; write another name or leave it out',
    ],
    ['{ TE: trailers }', '"TE" is set by Outrigger; leave it out'],
    ['{ Connection: close }', '"Connection" is set by Outrigger; leave it out'],
    ['{ content-type: text/plain }', '"content-type" is set by Outrigger; leave it out'],
    ['{ host: other }', '"host" is set by Outrigger; write authority, beside metadata'],
    ['{ "a b": x }', '"a b" is not a name for metadata; write letters, digits, "-", "_" and "."'],
    ['{ "": x }', '"" is not a name for metadata; write letters, digits, "-", "_" and "."'],
    ['{ a: x, A: y }', '"A" is written twice, since names do not differ by case; write it once'],
    [
      '{ key-bin: "s3cret!" }',
      'the value of "key-bin" is not base64, as names that end in "-bin" require; write base64',
    ],
    [
      '{ key: "s3cret\\r\\nx: y" }',
      'the value of "key" has characters that cannot be sent; write printable ASCII without spaces at its ends',
    ],
    ['{ key: 12345 }', 'the value of "key" is not text; write it in quotes'],
    ['{ key: [s3cret] }', 'the value of "key" is not text; write it in quotes'],
    ['"Bearer s3cret"', 'is text; write a mapping, such as { authorization: "Bearer …" }'],
    ['[s3cret]', 'is a list; write a mapping, such as { authorization: "Bearer …" }'],
  ] as const) {
    it(`refuses ${written} by its name, without a value`, () => {
      const problems = problemsOf(cluster(`{ grpc: { metadata: ${written} } }`));
      expect(problems).to.have.length(1);
      expect(problems[0]).to.match(/^f\.yaml:9:\d+ clusters\[0\]\.health\.grpc\.metadata: /);
      expect(problems[0].split('metadata: ')[1]).to.equal(said);
      expect(problems[0]).to.not.match(/s3cret|12345/);
    });
  }

  it('bounds names and values', () => {
    const many = Array.from({ length: 33 }, (_, i) => `k${i}: x`).join(', ');
    for (const [metadata, said] of [
      [`{ ${many} }`, 'has 33 entries; write at most 32'],
      [`{ ${'k'.repeat(129)}: x }`, 'is not a name for metadata'],
      [`{ k: ${'x'.repeat(8193)} }`, 'the value of "k" has 8193 characters; write at most 8192'],
    ])
      expect(problemsOf(cluster(`{ grpc: { metadata: ${metadata} } }`)).join()).to.contain(said);
  });

  it('the admin API masks every value, and the names stay', () => {
    const config = configOf(cluster('{ grpc: { metadata: { x-tenant: blue, authorization: abc } } }'));
    const shown = JSON.stringify(maskSecrets(fileOfConfig(config)));
    expect(shown).to.contain('"metadata":{"x-tenant":"•••","authorization":"•••"}');
    expect(JSON.stringify(maskSecrets({ http: { headers: { a: 'b' } } }))).to.contain(
      '"headers":{"a":"•••"}',
    );
  });
});
