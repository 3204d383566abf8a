import { expect } from 'chai';
import { fileOfConfig, shownFileOfConfig } from '../../../src/config/load.ts';
import { maskRaw } from '../../../src/config/secrets.ts';
import { httpHeaders } from '../../../src/schema/metadata-type.ts';
import { key, section } from '../../../src/schema/shape.ts';
import { configOf, loadText, minimal, problemsOf } from './support.ts';

const secret = 'hunter2-hunter2-hunter2';
const sticky = (written: string): string =>
  minimal({ cluster: `    balancer: { policy: sticky_cookie, sticky: ${written} }` });
const headers = (written: string): string => minimal({ route: `, match: { headers: [${written}] }` });
const otlp = (endpoint: string): string =>
  minimal({ more: `telemetry: { traces: { otlp: { endpoint: ${endpoint} } } }` });

describe('config/secrets', () => {
  for (const [what, text, env] of [
    ['one that is too short', sticky('{ cookie: { name: s }, secret: hunter2 }')],
    ['one that is a number', sticky('{ cookie: { name: s }, secret: 12345678 }')],
    ['one that is a list', sticky(`{ cookie: { name: s }, secret: [${secret}] }`)],
    ['one that is a mapping', sticky(`{ cookie: { name: s }, secret: { x: ${secret} } }`)],
    ['one that is too long', sticky(`{ cookie: { name: s }, secret: ${secret.repeat(100)} }`)],
    [
      'one with a quote and a control character',
      sticky('{ cookie: { name: s }, secret: "hunter2\\"\\u0085" }'),
    ],
    ['one in the place of the mapping', sticky(secret)],
    ['one under a mistyped key', sticky(`{ cookie: { name: s }, secrett: ${secret} }`)],
    ['one that is written twice', sticky(`{ cookie: { name: s }, secret: ${secret}, secret: ${secret} }`)],
    [
      'one from a variable with another name',
      sticky(`{ cookie: { name: s }, secret: "\${S}" }`),
      { S: 'hunter2' },
    ],
    ['the default of a variable', sticky(`{ cookie: { name: s }, secret: "\${S-${secret}}" }`)],
    ['one under a key that no table knows', minimal({ more: `password: ${secret}` })],
    ['one under an unknown key in a list', minimal({ more: `tokens: [${secret}]\napiKey: ${secret}` })],
    ['a tag that is one', minimal({ more: `password: !${secret} x` })],
    ['an escape in one', minimal({ more: `password: "${secret}\\q"` })],
    ['one that is never closed', minimal({ more: `password: "${secret}` })],
    ['one without a space after the colon', minimal({ more: `password:${secret}` })],
    ['one without a colon', minimal({ more: `password ${secret}` })],
    ['JSON that is never closed', `{ "password": "${secret}", "listeners": [`],
    [
      'a header of a match with a bad regular expression',
      headers(`{ name: authorization, regex: "(${secret}" }`),
    ],
    ['a header of a match of the wrong type', headers('{ name: Cookie, exact: 12345678 }')],
    ['a header of a match, name last', headers(`{ regex: "(${secret}", name: proxy-authorization }`)],
    ['the URL of a collector', otlp('"http://me:hunter2@host:4318"')],
    ['a token in the query of a URL', otlp('"http://host:4318/?x-team=hunter2"')],
    ['a URL in the place of an address', minimal().replace('127.0.0.1:50051', '"http://me:hunter2@h:1"')],
    ['a variable of ours', minimal(), { OUTRIGGER_TELEMETRY_TRACES_OTLP_ENDPOINT: 'http://me:hunter2@host' }],
    [
      'a standard variable',
      minimal(),
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://me:hunter2@host?token=hunter2' },
    ],
    ['an unknown variable', minimal(), { OUTRIGGER_PASSWORD: 'hunter2' }],
  ] as ReadonlyArray<readonly [string, string, Record<string, string>?]>) {
    it(`no problem shows ${what}`, () => {
      const loaded = loadText(text, { env: env ?? {} });
      const problems = [...(loaded.problems ?? []), ...loaded.warnings];
      expect(problems, 'there is something to be said').not.to.be.empty;
      expect(JSON.stringify(problems)).not.to.match(/hunter2|12345678/);
    });
  }

  it('what is no secret is shown as ever, beside one', () => {
    const text = sticky(`{ cookie: { name: s }, secret: hunter2 }`).replace('127.0.0.1:50051', 'nowhere');
    expect(problemsOf(text).join('\n'))
      .to.match(/"nowhere" has no port/)
      .and.match(/sticky\.secret: "•••" is not a secret; write 16 characters or more/);
  });

  it('an unknown header, and a cluster whose name sounds so, keep their values', () => {
    expect(problemsOf(headers('{ name: x-version, regex: "(1" }')).join()).to.include('"(1"');
    expect(problemsOf(minimal({ more: 'token-service: 1' })).join()).to.include('token-service');
  });

  it('a configuration is dumped without the secrets of the table, and with the rest', () => {
    const text = minimal({
      route: ', match: { headers: [{ name: Authorization, exact: hunter2 }, { name: x-v, exact: "1" }] }',
      cluster: `    balancer: { policy: sticky_cookie, sticky: { cookie: { name: s }, secret: ${secret} } }
    health: { grpc: { metadata: { x-tenant: hunter2 } } }`,
    });
    const config = configOf(text);
    const shown = JSON.stringify(shownFileOfConfig(config));
    expect(shown).not.to.include('hunter2');
    expect(shown).to.include('"secret":"•••"').and.include('"x-tenant":"•••"').and.include('"exact":"1"');
    expect(JSON.stringify(fileOfConfig(config))).to.include(secret);
    expect(JSON.stringify(shownFileOfConfig(configOf(minimal())))).not.to.include('•••');
  });

  it('a mapping of headers that is secret by name keeps the values of the other names', () => {
    const shape = section({ doc: '' }, { set: key(httpHeaders, { doc: '', secret: 'byName' }) });
    expect(maskRaw(shape, { set: { authorization: 'Bearer a', 'x-version': '1' } })).to.deep.equal({
      set: { authorization: '•••', 'x-version': '1' },
    });
    expect(maskRaw(shape, { set: 'wrong' })).to.deep.equal({ set: 'wrong' });
  });
});
