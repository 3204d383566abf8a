import { expect } from 'chai';
import { checkBanned } from './banned.ts';
import { checkExports } from './exports.ts';
import { type Finding, formatFinding } from './finding.ts';
import { allowed, checkDocuments, checkSourceTexts } from './glossary.ts';
import { allowedNames, checkIdentifiers } from './identifiers.ts';
import { checkCycles, checkLayers } from './layers.ts';
import { checkLengths, fileLinesMax, functionLinesMax } from './lengths.ts';
import { checkLicenses, type LockedPackages } from './licenses.ts';
import { findUntested } from './mirror.ts';
import { type CheckedFile, parseSamples } from './program.ts';
import { checkWords } from './words.ts';

type Check = (files: readonly CheckedFile[]) => Finding[];

/** `file:line` of what a check finds in samples. */
function placesOf(check: Check, samples: Record<string, string>): string[] {
  return check(parseSamples(samples)).map(({ file, line }) => `${file}:${line}`);
}
const layers: Check = (files) => checkLayers(files, new Set(['yaml', '@grpc/grpc-js']));
const leaf = 'export const leaf = 1;\n';

describe('make check', () => {
  it('says where, by which rule, what is wrong and what to do', () => {
    const [finding] = checkExports(parseSamples({ 'src/core/a.ts': '\nexport default 1;\n' }));
    expect(formatFinding(finding)).to.equal('src/core/a.ts:2: default-export: export it by its name');
  });

  it('judges JavaScript as well', () => {
    const long = `export function a() {\n${'  b();\n'.repeat(functionLinesMax)}}\n`;
    expect(placesOf(checkLengths, { 'src/admin/dashboard/a.js': long })).to.deep.equal([
      'src/admin/dashboard/a.js:1',
    ]);
  });

  describe('layers', () => {
    it('accepts what the table allows', () => {
      const sample = `import { leaf } from '../core/leaf.ts';\nimport { x } from './b.ts';\nimport 'node:net';\nimport 'yaml';\nimport '@grpc/grpc-js/x';\n`;
      const samples = { 'src/http2/a.ts': sample, 'src/http2/b.ts': leaf, 'src/core/leaf.ts': leaf };
      expect(placesOf(layers, samples)).to.deep.equal([]);
    });

    it('accepts anything in the wiring and in commands', () => {
      const samples = {
        'src/runtime/app.ts': `import '../src/http2/a.ts';`,
        'src/cli/run.ts': `import '../app.ts';`,
      };
      expect(
        placesOf(layers, { ...samples, 'src/http2/a.ts': leaf, 'src/runtime/parts.ts': leaf }),
      ).to.deep.equal([]);
    });

    const bad: Array<[string, string]> = [
      ['a folder outside the table', `import { x } from '../http2/a.ts';`],
      ['a type only', `import type { X } from '../http2/a.ts';`],
      ['a type inside a type', `export type T = import('../http2/a.ts').X;`],
      ['a re-export', `export * from '../http2/a.ts';`],
      ['a dynamic import', `export const x = () => import('../http2/a.ts');`],
      ['the wiring', `import { x } from '../app.ts';`],
      ['a part of the wiring', `import { x } from '../app/parts.ts';`],
      ['a test', `import { x } from '../../test/support/a.ts';`],
      ['a package that is not a dependency', `import { x } from 'chai';`],
      ['a module of Node without its prefix', `import { x } from 'net';`],
    ];
    for (const [name, text] of bad) {
      it(`refuses ${name}`, () => {
        expect(placesOf(layers, { 'src/core/bad.ts': `/** Text. */\n${text}\n` })).to.deep.equal([
          'src/core/bad.ts:2',
        ]);
      });
    }

    it('refuses a folder that the table does not name', () => {
      expect(placesOf(layers, { 'src/misc/a.ts': leaf })).to.deep.equal(['src/misc/a.ts:1']);
    });
  });

  describe('cycles', () => {
    it('finds one through types only, and names the way round', () => {
      const files = parseSamples({
        'src/core/a.ts': `import type { B } from './b.ts';\nexport type A = B;\n`,
        'src/core/b.ts': `import type { C } from './c.ts';\nexport type B = C;\n`,
        'src/core/c.ts': `\nimport type { A } from './a.ts';\nexport type C = A;\n`,
        'src/core/d.ts': `import type { A } from './a.ts';\nexport type D = A;\n`,
      });
      const found = checkCycles(files);
      expect(found.map(({ file, line }) => `${file}:${line}`)).to.deep.equal(['src/core/c.ts:2']);
      expect(found[0].message).to.contain('src/core/a.ts → src/core/b.ts → src/core/c.ts → src/core/a.ts');
    });

    it('finds a file that imports itself', () => {
      expect(placesOf(checkCycles, { 'src/core/a.ts': `export * from './a.ts';\n` })).to.have.length(1);
    });

    it('accepts two ways to one file', () => {
      const samples = {
        'src/core/a.ts': `import './b.ts';\nimport './c.ts';`,
        'src/core/b.ts': `import './c.ts';`,
      };
      expect(placesOf(checkCycles, { ...samples, 'src/core/c.ts': leaf })).to.deep.equal([]);
    });
  });

  describe('banned globals', () => {
    const bad = [
      'Date.now()',
      'new Date()',
      'new Date',
      'performance.now()',
      'process.hrtime.bigint()',
      'setTimeout(() => {}, 1)',
      'globalThis.setInterval(() => {}, 1)',
      'Math.random()',
      'console.log(1)',
      'process.env.HOME',
      '[setTimeout]',
    ];
    for (const code of bad) {
      it(`refuses ${code}`, () => {
        expect(
          placesOf(checkBanned, { 'src/core/bad.ts': `\nexport const x = () => ${code};\n` }),
        ).to.deep.equal(['src/core/bad.ts:2']);
      });
    }

    it('refuses the module of timers', () => {
      expect(
        placesOf(checkBanned, {
          'src/core/bad.ts': `import { setTimeout as wait } from 'node:timers/promises';`,
        }),
      ).to.have.length(1);
    });

    it('accepts them where they belong, in tests, in text, and as names of something else', () => {
      const good = [
        '// Date.now() and setTimeout',
        `export const text = 'console.log(Math.random())';`,
        'export const at = (ms: number) => new Date(ms);',
        'export const quiet = (socket: { setTimeout(ms: number): void }) => socket.setTimeout(0);',
        'export interface Timers { setTimeout(ms: number): void }',
        'export const timers = { setInterval: 1 };',
      ].join('\n');
      expect(
        placesOf(checkBanned, {
          'src/http2/good.ts': good,
          'src/core/clock.ts': 'export const now = () => Date.now();',
          'src/core/random.ts': 'export const draw = () => Math.random();',
          'src/cli/run.ts': 'console.log(1);',
          'src/config/load.ts': 'export const env = process.env;',
          'test/unit/a.test.ts': 'setTimeout(() => {}, 1);',
        }),
      ).to.deep.equal([]);
    });
  });

  describe('lengths', () => {
    const lines = (n: number): string => '  go();\n'.repeat(n);

    it('refuses a file with a line too many', () => {
      expect(placesOf(checkLengths, { 'src/core/a.ts': 'go();\n'.repeat(fileLinesMax) })).to.deep.equal([]);
      expect(placesOf(checkLengths, { 'src/core/a.ts': 'go();\n'.repeat(fileLinesMax + 1) })).to.deep.equal([
        `src/core/a.ts:${fileLinesMax + 1}`,
      ]);
    });

    const shapes: Array<[string, (body: string) => string]> = [
      ['a function', (body) => `/**\n * Text.\n */\nfunction f() {\n${body}}\n`],
      ['an arrow', (body) => `// Text.\n\n\nconst f = () => {\n${body}};\n`],
      ['a method', (body) => `class A {\n  // Text.\n\n  f() {\n${body}  }\n}\n`],
      ['a constructor', (body) => `class A {\n\n\n  constructor() {\n${body}  }\n}\n`],
    ];
    for (const [name, shape] of shapes) {
      it(`refuses ${name} with a line too many, at its first line`, () => {
        expect(placesOf(checkLengths, { 'src/core/a.ts': shape(lines(functionLinesMax - 2)) })).to.deep.equal(
          [],
        );
        expect(placesOf(checkLengths, { 'src/core/a.ts': shape(lines(functionLinesMax - 1)) })).to.deep.equal(
          ['src/core/a.ts:4'],
        );
      });
    }

    it('judges a function inside another by itself', () => {
      const inner = `  const g = () => {\n${lines(60)}  };\n`;
      expect(
        placesOf(checkLengths, { 'src/core/a.ts': `function f() {\n${inner}${inner}}\n` }),
      ).to.deep.equal([]);
      expect(
        placesOf(checkLengths, { 'src/core/a.ts': `function f() {\n${inner}${lines(70)}}\n` }),
      ).to.deep.equal(['src/core/a.ts:1']);
    });
  });

  describe('default exports', () => {
    const bad = [
      'export default 1;',
      'export default function f() {}',
      'const a = 1;\nexport { a as default };',
      `export { a as default } from './a.ts';`,
    ];
    for (const code of bad)
      it(`refuses ${code}`, () =>
        expect(placesOf(checkExports, { 'src/core/bad.ts': code })).to.have.length(1));

    it('accepts importing one, and a default in a switch', () => {
      const code = `import yaml from 'yaml';\nswitch (yaml) {\n  default:\n}\n`;
      expect(placesOf(checkExports, { 'src/core/a.ts': code })).to.deep.equal([]);
    });
  });

  describe('words', () => {
    // Put together, so that the check does not find them here.
    const bad = [
      ['unfinished', `// ${'TO'}DO: later`],
      ['machine-path', `see /${'home'}/someone/outrigger`],
      ['machine-path', `cd "/${'work'}/main"`],
      ['registry-host', `https://registry.${'npmjs'}.org/yaml`],
      ['registry-host', `"resol${'ved'}": "https://elsewhere.example/yaml.tgz"`],
    ];
    for (const [rule, line] of bad) {
      it(`refuses ${line}`, () => {
        const found = checkWords([{ path: 'docs/a.md', text: `one\n${line}\n` }]);
        expect(found.map((finding) => [finding.rule, finding.line])).to.deep.equal([[rule, 2]]);
      });
    }

    it('accepts paths of requests and of the repository', () => {
      const text =
        'GET /v1/work/items\n../shared/vectors\nunix:/tmp/a.sock\n/usr/bin/env node\nhttp://a/work/x\n';
      expect(checkWords([{ path: 'docs/a.md', text }])).to.deep.equal([]);
    });
  });

  describe('glossary', () => {
    const found = (text: string): string[] =>
      placesOf(checkSourceTexts, { 'src/core/a.ts': text, 'test/a.test.ts': text });

    it('refuses words of our own in texts that users read', () => {
      expect(found("export const a = 'read the file anew';")).to.deep.equal(['src/core/a.ts:1']);
      expect(found(`export const a = (n: number) => \`sent $\{n} octets\`;`)).to.have.length(1);
      expect(found(`export const a = (n: number) => \`$\{n} calls were told of\`;`)).to.have.length(1);
      const [finding] = checkDocuments([{ path: 'docs/a.md', text: 'one\nThe log says so.\n' }]);
      expect(formatFinding(finding)).to.equal(
        'docs/a.md:2: glossary: "says so": write the log contains a warning; the reason is shown',
      );
      const page = [{ path: 'src/admin/dashboard/a.js', text: "// It tells.\nshow('It tells all.');\n" }];
      expect(checkDocuments(page).map(({ line }) => line)).to.deep.equal([2]);
    });

    it('accepts names, code in prose, comments, and the words that are allowed for a reason', () => {
      const fine = `// told of octets\nexport const field = { try: 'octets', a: 'no look-around here', b: 'write \`tries\` there' };`;
      expect(found(fine)).to.deep.equal([]);
      const text = 'A `field` here.\n```\nlook anew\n```\n';
      expect(checkDocuments([{ path: 'docs/a.md', text }])).to.deep.equal([]);
      expect(checkDocuments([{ path: 'docs/configuration.md', text: 'told' }])).to.deep.equal([]);
      for (const { reason } of allowed) expect(reason).to.match(/\S \S/);
    });

    it('knows every word of the table, and its other forms', () => {
      const words =
        'mended told octets fields fits seldom anew elsewhere tried cut wants looks sparing'.split(' ');
      for (const word of words)
        expect(found(`export const a = 'it is ${word} here';`), word).to.have.length(1);
    });
  });

  describe('identifiers', () => {
    const found = (text: string): string[] =>
      placesOf(checkIdentifiers, { 'src/core/a.ts': text, 'test/a.test.ts': text });

    it('refuses words of the glossary as a name or as a part of one, once per file', () => {
      for (const name of ['told', 'toldMs', 'wasTold', 'max_looks', 'HTTPTries', 'Octets', '#ours'])
        expect(found(`class A { ${name} = 1; }`), name).to.deep.equal(['src/core/a.ts:1']);
      expect(found('const told = 1;\nexport const b = told;')).to.deep.equal(['src/core/a.ts:1']);
      const [finding] = checkIdentifiers(parseSamples({ 'src/a.ts': 'export const anewMs = 1;' }));
      expect(formatFinding(finding)).to.equal(
        'src/a.ts:1: identifiers: "anewMs": write a name for what is done again',
      );
    });

    it('refuses the old names that were replaced, whole names alone', () => {
      expect(found('export function putOff() {}')).to.have.length(1);
      expect(found('export function putOffset() {}')).to.deep.equal([]);
    });

    it('accepts words that only begin alike, texts, and names that are allowed for a reason', () => {
      expect(found("export const lookup = 'told', outfit = 1, shortcut = 2, retries = 3;")).to.deep.equal([]);
      for (const [name, reason] of allowedNames) {
        expect(found(`export const ${name} = 1;`), name).to.deep.equal([]);
        expect(reason).to.match(/\S \S/);
      }
    });
  });

  describe('licenses', () => {
    const found = (packages: LockedPackages): string[] =>
      checkLicenses(packages).map(({ message }) => message.replace(/,.*/, ''));

    it('refuses packages of production without a licence, or with one that is not on the list', () => {
      const packages = {
        'node_modules/a': {},
        'node_modules/b/node_modules/@c/d': { license: 'GPL-3.0-only' },
        'node_modules/e': { license: '(MIT OR GPL-3.0-only)' },
      };
      expect(found(packages)).to.deep.equal([
        'a has no licence',
        '@c/d has the licence GPL-3.0-only',
        'e has the licence (MIT OR GPL-3.0-only)',
      ]);
    });

    it('accepts licences of the list, and any for development', () => {
      expect(
        found({ '': { license: 'Apache-2.0' }, 'node_modules/a': { license: 'MPL-2.0', dev: true } }),
      ).to.deep.equal([]);
    });
  });

  it('notes long files that no test is near', () => {
    const long = 'export const a = 1;\n'.repeat(60);
    const files = parseSamples({
      'src/core/tested.ts': `import './neighbour.ts';\n${long}`,
      'src/core/neighbour.ts': long,
      'src/core/named.ts': long,
      'src/core/short.ts': leaf,
      'src/core/alone.ts': long,
      'test/unit/core/tested.test.ts': `import '../../../src/core/tested.ts';`,
      'test/unit/named.test.ts': leaf,
    });
    expect(findUntested(files)).to.deep.equal(['src/core/alone.ts']);
  });
});
