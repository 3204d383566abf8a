import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { parseArguments } from '../../../src/cli/arguments.ts';
import { descriptorsOf } from '../../../src/cli/tap/descriptor-files.ts';
import type { TapArguments } from '../../../src/cli/tap/tap.ts';
import { callText, messageText, startedText } from '../../../src/cli/tap/text.ts';
import { poolOfDescriptorSet } from '../../../src/reflection/descriptor-set.ts';
import { callEvent, identityOf, type ShownSide } from '../../../src/tap/events.ts';
import { tapParameters } from '../../../src/tap/options.ts';
import { startAdminRig } from '../../support/admin-rig.ts';
import { callRecord } from '../telemetry/records.ts';
import { runCommand } from './support.ts';

const protos = fileURLToPath(new URL('../../../protos/', import.meta.url));

function parsed(...argv: string[]): { args?: TapArguments; error?: string } {
  const { value, error } = parseArguments(['tap', ...argv]);
  return value === undefined ? { error } : { args: value.args as TapArguments };
}

describe('outrigger tap', () => {
  it('asks for what its flags say', () => {
    const { args } = parsed(
      'shop.Orders',
      '--status',
      'error,OK',
      '--min-latency',
      '1s',
      '--header',
      'a=b',
      '--live=x',
    );
    expect(args).to.equal(undefined);
    const query = parsed(
      'shop.Orders',
      '--status',
      'error,OK',
      '--header',
      'a=b',
      '--header',
      'c',
      '--messages',
    ).args?.query;
    expect(String(query)).to.equal(
      'status=error%2COK&header=a%3Db&header=c&messages=true&method=shop.Orders',
    );
    expect(String(parsed('--proto', 'x.proto').args?.query)).to.equal('messages=true');
  });

  it('has a flag for each parameter of the API', () => {
    const { value } = parseArguments(['tap']);
    const flags = value!.command.flags.map(({ name }) => name);
    expect(flags).to.include.members([...tapParameters]);
  });

  for (const [argv, error] of [
    [['--status', 'UNAVAILBLE'], '--status "UNAVAILBLE" is no status; did you mean UNAVAILABLE?'],
    [['a', '--method', 'b'], 'the method is given twice; write it once, as METHOD or with --method'],
    [['--proto', 'a', '--descriptor-set', 'b'], 'give --proto or --descriptor-set, not both'],
    [['--import', 'a'], '--import requires --proto FILE'],
    [['--rate', '0'], '--rate "0" is not a whole number from 1 to 1000'],
    [['a', 'b'], 'tap does not take the argument "b"; write outrigger tap [METHOD] [options]'],
  ] as const)
    it(`refuses ${argv.join(' ')}`, () => expect(parsed(...argv).error).to.equal(error));

  it('compiles .proto files with their imports', () => {
    const { value } = descriptorsOf({
      proto: [`${protos}test/account.proto`],
      protoPath: [protos],
      descriptorSet: undefined,
    });
    const pool = poolOfDescriptorSet(value!).value!;
    expect(pool.method('outrigger.test.Account/Login').value?.output.fullName).to.equal(
      'outrigger.test.Session',
    );
    expect(pool.message('outrigger.test.Money')).to.have.property('fullName');
  });

  it('says which file it cannot use', () => {
    const none = { proto: [], protoPath: [], descriptorSet: undefined };
    expect(descriptorsOf(none)).to.deep.equal({ value: null });
    expect(descriptorsOf({ ...none, proto: ['nope.proto'] }).error).to.equal(
      '--proto: cannot read "nope.proto": ENOENT',
    );
    expect(descriptorsOf({ ...none, proto: [`${protos}test/account.proto`] }).error).to.match(
      /^--proto: .*; name the directory of its imports with --import$/,
    );
    const self = fileURLToPath(import.meta.url);
    expect(descriptorsOf({ ...none, descriptorSet: self }).error).to.contain(
      `--descriptor-set: "${self}" is not valid: `,
    );
  });

  it('prints events of the sidecar, says why one ends, and ends with 0 only by a limit', async () => {
    const rig = await startAdminRig();
    try {
      const side: ShownSide = { headers: [['x', 'y']], trailers: null, messages: null, messagesNotShown: 0 };
      for (const [reason, code] of [
        ['limit', 0],
        ['stopping', 1],
      ] as const) {
        rig.proxy.taps = (query) => ({
          open(reader) {
            expect(String(query)).to.equal('method=Greeter');
            reader.send({ event: 'tap' });
            reader.send(callEvent(callRecord(), 'grpc', side, null));
            reader.send({ event: 'from the future' });
            reader.send({ event: 'end', reason, text: `it was ${reason}` } as { event: string });
            reader.end();
            return { left() {}, end() {} };
          },
        });
        const ran = await runCommand(['tap', 'Greeter', '--admin', `127.0.0.1:${rig.port}`, '--headers']);
        expect(ran.code).to.equal(code);
        expect(ran.err).to.equal(`shows calls as they end; Ctrl-C ends the tap\nended: it was ${reason}\n`);
        expect(ran.out).to.equal(
          '22:13:20.000  OK             20.0 ms  helloworld.Greeter/SayHello 127.0.0.1:40000 -> 127.0.0.1:50051 id=1\n    > x: y\n',
        );
      }
    } finally {
      await rig.close();
    }
  });

  it('says what the sidecar answers that refuses it, and who does not answer', async () => {
    const rig = await startAdminRig();
    const at = ['--admin', `127.0.0.1:${rig.port}`];
    try {
      rig.proxy.taps = () => ({
        status: 403,
        problem: 'tap is off: admin.tap.show is "none" in the configuration',
      });
      const refused = await runCommand(['tap', ...at]);
      expect(refused).to.deep.equal({
        code: 1,
        out: '',
        err: 'tap is off: admin.tap.show is "none" in the configuration\n',
      });
    } finally {
      await rig.close();
    }
    expect((await runCommand(['tap', ...at])).err).to.contain('nothing listens on 127.0.0.1:');
  });
});

describe('outrigger tap: text', () => {
  const side = (more: Partial<ShownSide> = {}): ShownSide => ({
    headers: [['a', 'b']],
    trailers: [['t', 'u']],
    messages: [{ index: 0, bytes: 2048, problem: 'was not decoded' }],
    messagesNotShown: 2,
    ...more,
  });

  it('has messages, and how many more there are', () => {
    const json = side({ messages: [{ index: 0, bytes: 3, json: { a: 1 } }], messagesNotShown: 0 });
    expect(
      callText(callEvent(callRecord(), 'grpc', json, side()), false)
        .split('\n')
        .slice(1),
    ).to.deep.equal([
      '    > {"a":1}',
      '    < (a message of 2.0 KiB was not decoded)',
      '    < (2 more messages)',
      '',
    ]);
  });

  it('has the error, and each attempt where there were several', () => {
    const record = callRecord({ error: 'deadline', detail: 'it took too long' });
    record.attempts.push({ ...record.attempts[0], number: 2, kind: 'retry', error: 'reset' });
    const lines = callText(
      callEvent(record, 'grpc', side({ messages: null, messagesNotShown: 0 }), null),
      false,
    ).split('\n');
    expect(lines[1]).to.equal('    deadline: it took too long');
    expect(lines[2]).to.contain('attempt (first) at 127.0.0.1:50051: OK after 18.0 ms');
    expect(lines[3]).to.contain('attempt (retry) at 127.0.0.1:50051: reset after 18.0 ms');
  });

  it('names what has no path', () => {
    const record = callRecord({ grpc: false, tcp: true, path: '', attempts: [], httpStatus: 0, error: '' });
    expect(
      callText(callEvent(record, 'tcp', side({ messages: null, messagesNotShown: 0 }), null), false),
    ).to.contain('tcp on outbound from 127.0.0.1:40000');
  });

  it('has calls that start and messages that pass', () => {
    const started = {
      event: 'started' as const,
      ...identityOf(callRecord(), 'grpc'),
      headers: [['a', 'b']] as const,
    };
    expect(startedText({ ...started, headers: [['a', 'b']] }, true)).to.match(
      /started +helloworld.Greeter\/SayHello from .* id=1\n {4}> a: b\n$/,
    );
    expect(
      messageText({ event: 'message', id: 7, direction: 'response', index: 0, bytes: 2, json: {} }),
    ).to.equal('    id=7 < {}\n');
  });
});
