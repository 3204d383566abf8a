import { expect } from 'chai';
import fc from 'fast-check';
import { readEndpointFile } from '../../../src/config/endpoint-file.ts';
import { fileOfConfig } from '../../../src/config/load.ts';
import { expand, expandedCharsMax, expandedCharsTotalMax, shield } from '../../../src/config/variables.ts';
import { configOf, minimal, problemsOf } from './support.ts';

/** `${NAME}`, written so that nobody takes it for a forgotten template string. */
const v = (content: string): string => `$\{${content}}`;
const text = (written: string, variables: Record<string, string> = {}) =>
  expand(written, variables).value?.text;

describe('config/variables', () => {
  it('are filled in, with a default where they are not set or empty', () => {
    const env = { A: 'a', EMPTY: '' };
    expect(text(`${v('A')}:${v('A')}`, env)).to.equal('a:a');
    expect(text(v('B:-b'), env)).to.equal('b');
    expect(text(v('EMPTY:-e'), env)).to.equal('e');
    expect(text(v('A:-b'), env)).to.equal('a');
    expect(text(v('B:-'), env)).to.equal('');
    expect(text(v('EMPTY'), env)).to.equal('');
    expect(text(v('B:-a b:1,c}'), env)).to.equal('a b:1,c}');
  });

  it('are escaped by a second dollar sign, and need their braces', () => {
    expect(text(`$${v('A')} $A $ $$ $${v('A')}`)).to.equal(`${v('A')} $A $ $$ ${v('A')}`);
  });

  it('are not expanded again', () => {
    expect(text(v('A'), { A: v('B'), B: 'b' })).to.equal(v('B'));
  });

  it('are mistakes that say what to write', () => {
    const errorOf = (written: string) => expand(written, {}).error;
    expect(errorOf(`x${v('A')}`)).to.equal(
      `"x${v('A')}": the environment variable A is not set; set it, or write ${v('A:-DEFAULT')}`,
    );
    expect(errorOf('${A')).to.equal(`"$\{A" has no "}"; write ${v('NAME')}, or $$\{ for the text "$\{"`);
    expect(errorOf(v(''))).to.equal(
      `"${v('')}" names no environment variable; write ${v('NAME')}, or $$\{ for the text "$\{"`,
    );
    expect(errorOf(v('A:?x'))).to.equal(
      `"${v('A:?x')}": ":?x" is not supported; write ${v('NAME')} or ${v('NAME:-default')}`,
    );
    expect(errorOf(v(`A:-${v('B')}`))).to.include('a default holds no variable; write plain text after ":-"');
  });

  it('are bounded, each value and all together', () => {
    const A = 'x'.repeat(expandedCharsMax);
    expect(expand(v('A'), { A }).value?.text).to.have.length(expandedCharsMax);
    expect(expand(`${v('A')}y`, { A }).error).to.include(`has more than ${expandedCharsMax} characters`);
    const count = Math.floor(expandedCharsTotalMax / expandedCharsMax) + 1;
    const servers = Array.from({ length: count }, () => `{ name: l, listen: "${v('A')}" }`).join(', ');
    const problems = problemsOf(`listeners: [${servers}]\nclusters: []\n`, { env: { A } });
    expect(problems.join('\n')).to.include(
      `variables fill in more than ${expandedCharsTotalMax} characters in this file; write fewer`,
    );
  });

  it('work anywhere in a value, in flow style without quotes too, and become what the key requires', () => {
    const env = { HOST: '127.0.0.1', PORT: '15001', W: '2.5', NONE: 'none', PROM: 'false', CODES: '200,204' };
    const config = configOf(
      `listeners:
  - name: outbound
    listen: ${v('HOST')}:${v('PORT')}
    routes: [{ name: all, cluster: ${v('C:-greeter')}, timeout: "${v('T:-2s')}", match: { pathPrefix: ${v('P:-/a:b')} } }]
clusters:
  - name: greeter # ${v('NOT_SET')}
    protocol: http1
    endpoints: [{ address: ${v('HOST')}:50051, weight: ${v('W')} }]
    health: { http: { path: /, statuses: [${v('CODES')}, 206] } }
    outlier: ${v('NONE')}
telemetry: { metrics: { prometheus: "${v('PROM')}", otlp: ${v('OTLP:-false')}, maxMethods: ${v('MAX:-7')} }, serviceName: $${v('HOST')} }
`,
      { env },
    );
    expect(config.listeners[0].listen).to.deep.equal({ kind: 'tcp', host: '127.0.0.1', port: 15001 });
    expect(config.listeners[0].routes[0]).to.deep.include({ cluster: 'greeter', timeoutMs: 2000 });
    expect(config.listeners[0].routes[0].match.pathPrefix).to.deep.equal(['/a:b']);
    expect(config.clusters[0].endpoints[0].weight).to.equal(2.5);
    expect(config.clusters[0].health).to.deep.nested.include({ 'http.statuses': [200, 204, 206] });
    expect(config.clusters[0].outlier).to.equal('none');
    expect(config.telemetry.metrics).to.deep.include({ prometheus: false, otlp: false, maxMethods: 7 });
    expect(config.telemetry.serviceName).to.equal(v('HOST'));
    expect(configOf(JSON.stringify(fileOfConfig(config)))).to.deep.equal(config);
  });

  it('may be a list of endpoints, and never a mapping or a key', () => {
    const written = minimal().replace('[{ address: 127.0.0.1:50051 }]', v('REPLICAS'));
    const env = { REPLICAS: 'a:1, b:2,weight=3', X: '{ a: 1 }' };
    expect(configOf(written, { env }).clusters[0].endpoints.map(({ weight }) => weight)).to.deep.equal([
      1, 3,
    ]);
    expect(problemsOf(minimal({ more: `log: ${v('X')}\n${v('X')}: 1` }), { env })).to.deep.equal([
      `f.yaml:10:6 log: "${v('X')}" is text; write a mapping of level and format`,
      `f.yaml:11:1 "${v('X')}": "${v('X')}" is a key, and environment variables are replaced in values only; write the key itself`,
    ]);
  });

  it('are filled into the values of a mapping, which stay text and are written out as they were read', () => {
    const metadata = (written: string) =>
      minimal({ cluster: `    health: { grpc: { metadata: ${written} } }` });
    const env = { TOKEN: '7', NAME: 'a' };
    const written = metadata(
      `{ authorization: "${v('TOKEN')}", x-b: "b-${v('NAME')}", x-c: "$${v('NAME')}" }`,
    );
    const config = configOf(written, { env });
    const { health } = config.clusters[0];
    expect(health).to.have.nested.property('grpc.metadata.authorization', '7');
    expect(health).to.have.nested.property('grpc.metadata.x-b', 'b-a');
    expect(health).to.have.nested.property('grpc.metadata.x-c', v('NAME'));
    expect(configOf(JSON.stringify(fileOfConfig(config)), { env })).to.deep.equal(config);
    expect(problemsOf(metadata(`{ x-a: "${v('MISSING')}" }`)).join()).to.match(/MISSING is not set/);
    expect(problemsOf(metadata(`{ x-a: "${v('TOKEN')}" }`), { env: { TOKEN: 'hunter\n2' } }).join())
      .to.match(/the value of TOKEN is not allowed here; write printable ASCII/)
      .and.not.include('hunter');
  });

  it('are named in the error of the value that they are part of, and not shown if they are secret', () => {
    const written = (name: string) => minimal().replace('127.0.0.1:15001', `127.0.0.1:${v(name)}`);
    expect(problemsOf(written('PORT'), { env: { PORT: '99999' } })).to.deep.equal([
      `f.yaml:3:13 listeners[0].listen: "127.0.0.1:99999": port 99999 is too high; write a number from 0 to 65535 (the file has "127.0.0.1:${v('PORT')}")`,
    ]);
    expect(problemsOf(written('PORT'))).to.deep.equal([
      `f.yaml:3:13 listeners[0].listen: "127.0.0.1:${v('PORT')}": the environment variable PORT is not set; set it, or write ${v('PORT:-DEFAULT')}`,
    ]);
    expect(problemsOf(written('DB_PASSWORD'), { env: { DB_PASSWORD: 'hunter2' } })).to.deep.equal([
      `f.yaml:3:13 listeners[0].listen: "127.0.0.1:${v('DB_PASSWORD')}": the value of DB_PASSWORD is not allowed here; write a number from 0 to 65535`,
    ]);
    expect(problemsOf(written('DB_PASSWORD:-hunter2')).join())
      .to.include(v('DB_PASSWORD:-…'))
      .and.not.include('hunter2');
  });

  it('are not filled in where the text is not a configuration file', () => {
    const file = `endpoints: [{ address: "${v('A')}" }]\n`;
    expect(readEndpointFile('e.yaml', () => ({ value: Buffer.from(file) })).error).to.equal(
      `e.yaml:1:24 endpoints[0].address: "${v('A')}": variables are not filled in here; write the value`,
    );
  });

  it('keep their places while YAML is parsed, and any text is restored', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), fc.boolean(), (part, twice) => {
        const written = `${part}${v('A:-é b')}${twice ? part : ''}$${v('B')}\ue100`.slice(
          0,
          twice ? -1 : undefined,
        );
        const { text: hidden, restore } = shield(written);
        expect(hidden.length).to.equal(written.length);
        expect(restore(hidden)).to.equal(written);
      }),
    );
  });
});
