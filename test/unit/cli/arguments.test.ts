import { expect } from 'chai';
import fc from 'fast-check';
import { parseArguments } from '../../../src/cli/arguments.ts';
import { commandNames } from '../../../src/cli/commands.ts';
import { listed } from '../../../src/schema/problem.ts';

/** Returns the name of the command and what its `run` takes, in one object. */
function parse(line: string): object | undefined {
  const { value } = parseArguments(line.split(' '));
  return value && { command: value.command.name, ...(value.args as object) };
}
const error = (line: string): string | undefined => parseArguments(line === '' ? [] : line.split(' ')).error;

describe('cli/arguments', () => {
  it('run takes a file or targets, and settings by flag', () => {
    expect(parse('run --config a.yaml --log-level=debug')).to.deep.equal({
      command: 'run',
      config: 'a.yaml',
      from: undefined,
      to: undefined,
      settings: { 'log-level': 'debug' },
    });
    expect(parse('run --to a:1, b:2 ,c:3 --from :1')).to.deep.equal({
      command: 'run',
      config: undefined,
      from: ':1',
      to: ['a:1, b:2 ,c:3'],
      settings: {},
    });
    expect(parse('run --from :1 --to a:1 --to a:2;weight=2 --admin b:1')).to.deep.equal({
      command: 'run',
      config: undefined,
      from: ':1',
      to: ['a:1', 'a:2;weight=2'],
      settings: { admin: 'b:1' },
    });
  });

  it('validate takes its file with or without a flag', () => {
    for (const line of [
      'validate -c a.yaml -o json',
      'validate a.yaml --output json',
      'validate -o=json a.yaml',
    ]) {
      const value = parse(line.replace('-o=json', '--output=json'));
      expect(value).to.deep.include({ command: 'validate', output: 'json' });
      expect(value).to.have.nested.property('flags.config', 'a.yaml');
    }
    expect(error('validate a.yaml --config b.yaml')).to.equal(
      'the file is given twice, as "a.yaml" and with --config; write one of them',
    );
  });

  it('the other commands take what is theirs', () => {
    expect(parse('demo --seconds 10')).to.deep.equal({ command: 'demo', seconds: 10, admin: undefined });
    expect(parse('schema')).to.deep.equal({ command: 'schema', output: 'json' });
    expect(parse('schema -o markdown')).to.deep.equal({ command: 'schema', output: 'markdown' });
    expect(parse('version -o json')).to.deep.equal({ command: 'version', output: 'json' });
    expect(parse('endpoints --admin a:1')).to.include({ command: 'endpoints', admin: 'a:1', output: 'text' });
    expect(parse('stat -o json')).to.include({ command: 'stat', admin: undefined, output: 'json' });
  });

  it('help is asked for in any of the usual ways', () => {
    for (const line of ['--help', '-h', 'help'])
      expect(parse(line)).to.deep.equal({ command: 'help', topic: undefined });
    for (const line of ['run --help', 'run --config x -h', 'help run'])
      expect(parse(line)).to.deep.equal({ command: 'help', topic: 'run' });
    expect(parse('--version')).to.deep.equal({ command: 'version', output: 'text' });
  });

  const refusals: [string, string][] = [
    ['', `no command is given; write one of ${listed(commandNames)}, or outrigger --help`],
    ['rnu', '"rnu" is not a command; did you mean run?'],
    ['constructor', `"constructor" is not a command; write one of ${listed(commandNames)}`],
    ['--versoin', '"--versoin" is not a flag; did you mean --version?'],
    ['-v', '"-v" is not a flag; did you mean -V?'],
    ['demo --admin localhost', '--admin: "localhost" has no port; write host:port, such as localhost:50051'],
    ['--config a.yaml', '"--config" must follow a command; write outrigger run --config …'],
    ['run --confg a.yaml', '--confg is not a flag of run; did you mean --config?'],
    ['run -x', '-x is not a flag of run; see outrigger run --help'],
    ['run --seconds 3', '--seconds is a flag of demo, not of run'],
    ['run --config', '--config has no value; write --config FILE'],
    ['run --config --from a:1', '--config has no value; write --config FILE'],
    ['run --config=', '--config has no value; write --config FILE'],
    ['run --config a --config b', '--config is given twice; write it once'],
    ['run a.yaml', '"a.yaml" follows no flag; write outrigger run --config a.yaml'],
    ['version -o yaml', '-o: "yaml" is not a known value; write text or json'],
    [
      'demo --seconds soon',
      '--seconds: "soon" is not a valid number of seconds; write a number from 1 to 86400',
    ],
    ['help rum', '"rum" is not a command; did you mean run?'],
  ];
  for (const [line, sentence] of refusals) {
    it(`refuses "${line}" and says what to write`, () => expect(error(line)).to.equal(sentence));
  }

  it('no arguments throw', () => {
    const word = fc.oneof(
      fc.constantFrom(...commandNames, '--config', '--to', '-o', '--', '-', '--admin=', '-co', '--no-config'),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), (argv) => {
        const { value, error: sentence } = parseArguments(argv);
        expect(value === undefined).to.equal(sentence !== undefined);
      }),
    );
  });
});
