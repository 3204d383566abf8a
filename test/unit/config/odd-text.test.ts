import { expect } from 'chai';
import { minimal, problemsOf } from './support.ts';

/** Problems of the smallest file with a part of its text replaced. */
function problemsWith(part: string, written: string): string[] {
  const text = minimal();
  expect(text).to.include(part);
  return problemsOf(text.replace(part, written));
}

describe('config/odd-text', () => {
  it('a variable in the syntax of another program is named, whatever the value is', () => {
    const address = '127.0.0.1:50051';
    for (const [written, part, name] of [
      ['$HOST:1', '$HOST', 'HOST'],
      ['$(HOST):1', '$(HOST)', 'HOST'],
      ['"%HOST%:1"', '%HOST%', 'HOST'],
      [`'{{ env "HOST" }}:1'`, '{{ env \\"HOST\\" }}', 'NAME'],
    ]) {
      const [problem, ...others] = problemsWith(address, written);
      expect(problem).to.include(
        `"${part}" is not replaced here; write \${${name}} for an environment variable`,
      );
      expect(others).to.deep.equal([]);
    }
    const timeout = problemsOf(minimal({ more: 'drain: { grace: $GRACE }' }));
    expect(timeout).to.deep.equal([
      `f.yaml:10:17 drain.grace: "$GRACE": "$GRACE" is not replaced here; write \${GRACE} for an environment variable`,
    ]);
  });

  it('no part of a secret is shown for a variable', () => {
    expect(problemsOf(minimal({ more: 'admin: { token: pa$word }' })).join()).not.to.include('$word');
  });

  it('a variable in a key says that keys have none', () => {
    for (const text of [minimal({ more: `"\${KEY}": 1` }), minimal({ listener: `    \${KEY}: 1` })])
      expect(problemsOf(text).join('\n')).to.include(
        `"\${KEY}" is a key, and environment variables are replaced in values only; write the key itself`,
      );
  });

  it('comments of other languages are recognised where a line, a key or a value is wrong for it', () => {
    const fix = 'a comment begins with "#" and a space here';
    for (const text of [
      `// mine\n${minimal()}`,
      `${minimal()}\n/* mine */\n`,
      minimal().replace('127.0.0.1:15001', '"127.0.0.1:15001" // mine'),
      '{ // mine\n"listeners": [] }',
    ])
      expect(problemsOf(text).join('\n')).to.include(fix);
  });

  it('characters that only look like ASCII are named, in keys, values and indentation', () => {
    for (const [part, written, code] of [
      ['name: outbound', 'name: “outbound”', 'U+201C'],
      ['clusters:', '‘clusters’:', 'U+2018'],
      ['    listen', '\u00a0\u00a0\u00a0\u00a0listen', 'U+00A0'],
      ['listen:', 'listen\u00a0:', 'U+00A0'],
      ['listen: ', 'listen：', 'U+FF1A'],
      ['outbound', 'out\u200bbound', 'U+200B'],
    ])
      expect(problemsWith(part, written).join('\n'), written).to.include(
        `has the character ${code} where plain ASCII is required`,
      );
  });

  it('an unfinished merge and old line ends are one problem each', () => {
    expect(problemsOf(`<<<<<<< HEAD\n${minimal()}=======\n>>>>>>> x\n`)).to.deep.equal([
      'f.yaml:1:1: "<<<<<<<" marks a merge conflict; resolve it and remove the mark',
    ]);
    expect(problemsOf(minimal().replaceAll('\n', '\r'))).to.deep.equal([
      'f.yaml:1:1: its lines end with a carriage return alone; save the file with line feeds (LF or CRLF)',
    ]);
    expect(problemsOf(minimal().replaceAll('\n', '\r\n'))).to.deep.equal([]);
  });

  it('the file of another program is recognised by its first line', () => {
    for (const [text, program] of [
      ['# mine\nupstream a { server b:1; }\nserver { listen 80; }\n', 'nginx'],
      ['worker_processes 4;\nevents {\n}\n', 'nginx'],
      ['global\n  maxconn 5\nfrontend f\n  bind :80\n', 'HAProxy'],
      ['[server]\nport = 5\n', 'TOML or INI'],
      ['listen = "a:1"\n', 'TOML or INI'],
      ['<?xml version="1.0"?>\n<a/>\n', 'XML'],
      [':8080 {\n  reverse_proxy a:1\n}\n', 'Caddy'],
    ])
      expect(problemsOf(text), text).to.deep.equal([
        `f.yaml:1:1: the file has the format of ${program}; write YAML or JSON with listeners and clusters, as docs/configuration.md shows`,
      ]);
  });

  it('a file that is fine may hold all of it where it is text', () => {
    const route = `, match: { pathRegex: '^/a//[$(]b.*%x%$' }`;
    expect(problemsOf(`# “mine” // <<<<<<< HEAD\n${minimal({ route })}`)).to.deep.equal([]);
  });

  it('a key of another program points at what is near it', () => {
    const route = ', match: { host: a }';
    expect(problemsOf(minimal({ route })).join()).to.include(
      'here it is listeners[].routes[].match.authority',
    );
    const more = 'telemetry: { accessLog: { target: stdout } }';
    expect(problemsOf(minimal({ more })).join()).to.include('"target" is not a known key; write');
  });

  it('a word where its mapping belongs gets the mapping around it', () => {
    expect(problemsOf(minimal({ cluster: '    balancer: round_robin' })).join()).to.include(
      '"round_robin" is text; write { policy: round_robin }',
    );
  });

  it('a bracket that closes nothing and a missing comma are named', () => {
    expect(problemsOf('{}}').join()).to.include('"}" closes nothing that is open; remove it');
    expect(problemsOf('{"listeners": []"clusters": []}').join()).to.include(
      'write the comma that is missing before it',
    );
  });
});
