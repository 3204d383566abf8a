import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseArguments } from '../../../../src/cli/arguments.ts';
import { commandNames, commands } from '../../../../src/cli/commands.ts';
import { runCommand } from '../support.ts';

const statFlags = commands.find(({ name }) => name === 'stat')?.flags.map(({ name }) => `--${name}`) ?? [];

describe('cli/completion', () => {
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'outrigger-completion-'));
    for (const shell of ['bash', 'zsh', 'fish'])
      writeFileSync(join(folder, shell), (await runCommand(['completion', shell])).out);
    writeFileSync(join(folder, 'config one.yaml'), '');
  });
  after(() => rmSync(folder, { recursive: true }));

  it('requires a shell that it knows', () => {
    expect(parseArguments(['completion']).error).to.equal(
      'no shell is given; write outrigger completion bash',
    );
    expect(parseArguments(['completion', 'csh']).error).to.equal(
      '"csh" is not a known shell; write bash, zsh or fish',
    );
  });

  describe('bash', () => {
    requireProgram('bash');
    /** Returns what bash offers for the last of the words, as it splits them. */
    const offered = (...words: string[]): string[] => {
      const script = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _outrigger; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const args = ['--norc', '-c', script, 'bash', join(folder, 'bash'), 'outrigger', ...words];
      const { stdout, stderr } = spawnSync('bash', args, { cwd: folder, encoding: 'utf8' });
      expect(stderr).to.equal('');
      return stdout.split('\n').filter((word) => word !== '');
    };

    it('completes commands', () => {
      expect(offered('')).to.have.members([...commandNames, '--help', '--version']);
      expect(offered('und')).to.deep.equal(['undrain']);
    });

    it('completes the flags of the command, and no others', () => {
      expect(offered('stat', '--')).to.have.members([...statFlags, '--help']);
      expect(offered('stat', '--interv')).to.deep.equal(['--interval']);
      expect(offered('version', '--interv')).to.deep.equal([]);
    });

    it('completes values of flags, also behind an equals sign', () => {
      expect(offered('stat', '--by', 'cl')).to.deep.equal(['cluster', 'client']);
      expect(offered('stat', '-o', '')).to.deep.equal(['text', 'json']);
      expect(offered('stat', '--output', '=', 'j')).to.deep.equal(['json']);
      expect(offered('stat', '--output', '=')).to.deep.equal(['text', 'json']);
    });

    it('completes files for a flag or an argument that takes one, and nothing for an address', () => {
      expect(offered('run', '--config', 'con')).to.deep.equal(['config one.yaml']);
      expect(offered('validate', 'con')).to.deep.equal(['config one.yaml']);
      expect(offered('stat', '--admin', '')).to.deep.equal([]);
    });

    it('completes arguments that are one of a few words', () => {
      expect(offered('help', 'tra')).to.deep.equal(['traces']);
      expect(offered('log-level', '')).to.deep.equal(['debug', 'info', 'warn', 'error']);
    });
  });

  describe('zsh', () => {
    requireProgram('zsh');
    /** Returns what the script gives to the functions of zsh that offer words. */
    const specs = (...words: string[]): string => {
      const script = `compdef() { }; _arguments() { print -rl -- "$@" }; _describe() { print -rl -- "$\{(P@)4}" }
        source "$1"; shift; words=(outrigger "$@"); CURRENT=$#words; _outrigger`;
      return execFileSync('zsh', ['-fc', script, 'zsh', join(folder, 'zsh'), ...words], { encoding: 'utf8' });
    };

    it('describes each command', () => {
      const lines = specs('').split('\n');
      for (const { name, summary } of commands) expect(lines).to.include(`${name}:${summary}`);
    });

    it('has the flags of the command with their values', () => {
      const lines = specs('stat', '--').split('\n');
      expect(lines).to.include('(--output -o)--output=[output format (text)]:text|json:(text json)');
      expect(lines).to.include('(--watch -w)-w[repeat until Ctrl-C]');
      expect(specs('validate', '').split('\n')).to.include('1:FILE:_files');
      expect(specs('log-level', '').split('\n')).to.include('1:LEVEL:(debug info warn error)');
    });

    it('is accepted by the completion system of zsh', () => {
      const script = 'autoload -Uz compinit; compinit -u -D; source "$1"; print -r -- $_comps[outrigger]';
      const out = execFileSync('zsh', ['-fc', script, 'zsh', join(folder, 'zsh')], { encoding: 'utf8' });
      expect(out.trim()).to.equal('_outrigger');
    });
  });

  describe('fish', () => {
    requireProgram('fish');
    const offered = (line: string): string[] => {
      const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder };
      const args = ['--no-config', '-c', 'source $argv[1]; complete -C $argv[2]', join(folder, 'fish'), line];
      const out = execFileSync('fish', args, { encoding: 'utf8', env, cwd: folder });
      return out.split('\n').flatMap((row) => (row === '' ? [] : [row.split('\t')[0]]));
    };

    it('completes commands, flags, values and files', () => {
      expect(offered('outrigger ')).to.include.members([...commandNames]);
      expect(offered('outrigger stat --')).to.have.members([...statFlags, '--help']);
      expect(offered('outrigger stat --by cl')).to.deep.equal(['client', 'cluster']);
      expect(offered('outrigger help tra')).to.deep.equal(['traces']);
      expect(offered('outrigger validate con')).to.deep.equal(['config one.yaml']);
      expect(offered('outrigger stat --admin ')).to.deep.equal([]);
    });
  });
});

/** Skips the tests of a suite where a program is missing; in CI, where it is installed, its absence is a failure. */
function requireProgram(name: string): void {
  before(function () {
    if (spawnSync(name, ['--version']).error === undefined || process.env.CI !== undefined) return;
    this.skip();
  });
}
