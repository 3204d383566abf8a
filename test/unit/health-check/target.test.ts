import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { admin } from '../../../src/config/table/admin.ts';
import { formatAddress } from '../../../src/core/address.ts';
import { defaultAdminAddress, targetOf } from '../../../src/health-check/target.ts';

describe('health-check/target', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'outrigger-health-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const fileOf = (text: string): string => {
    const file = join(folder, 'outrigger.yaml');
    writeFileSync(file, text);
    return file;
  };
  const found = async (words: readonly string[], env: Record<string, string> = {}): Promise<string> => {
    const { value, error } = await targetOf(words, env);
    if (value === undefined) return `error: ${error}`;
    return `${formatAddress(value.address)}${value.usesTls ? ' with TLS' : ''}`;
  };
  const targets = ['--from', '127.0.0.1:1', '--to', '127.0.0.1:2'];

  it('the default is that of admin.listen', async () => {
    expect(defaultAdminAddress).to.equal(admin.keys.listen.default);
    expect(await found(targets)).to.equal('127.0.0.1:15000');
    expect(await found(['--config', fileOf('listeners: []\n')])).to.equal('127.0.0.1:15000');
  });

  for (const [words, at] of [
    [['--admin', '127.0.0.1:7001'], '127.0.0.1:7001'],
    [['--admin=[::1]:7001'], '[::1]:7001'],
    [['--admin', 'unix:/run/admin.sock'], 'unix:/run/admin.sock'],
  ] as const)
    it(`${words.join(' ')} names the address`, async () => {
      expect(await found([...targets, ...words])).to.equal(at);
    });

  it('a flag overrides the variable, and the variable the file', async () => {
    const config = ['--config', fileOf('admin: { listen: 127.0.0.1:7003 }\n')];
    const env = { OUTRIGGER_ADMIN: '127.0.0.1:7002' };
    expect(await found([...config, '--admin', '127.0.0.1:7001'], env)).to.equal('127.0.0.1:7001');
    expect(await found(config, env)).to.equal('127.0.0.1:7002');
    expect(await found(config, { OUTRIGGER_ADMIN: '' })).to.equal('127.0.0.1:7003');
  });

  it('the file is named by --config, -c or a variable, which --from overrides', async () => {
    const file = fileOf('admin: { listen: 127.0.0.1:7003 }\n');
    for (const words of [['-c', file], [`-c${file}`], [`--config=${file}`]])
      expect(await found(words), words.join(' ')).to.equal('127.0.0.1:7003');
    expect(await found([], { OUTRIGGER_CONFIG: file })).to.equal('127.0.0.1:7003');
    expect(await found(targets, { OUTRIGGER_CONFIG: file })).to.equal('127.0.0.1:15000');
  });

  it('variables in the file are filled in', async () => {
    const config = ['--config', fileOf(`admin: { listen: "127.0.0.1:\${PORT:-7004}" }\n`)];
    expect(await found(config)).to.equal('127.0.0.1:7004');
    expect(await found(config, { PORT: '7005' })).to.equal('127.0.0.1:7005');
  });

  it('a key that is written with an escape is found', async () => {
    expect(await found(['--config', fileOf('{ "adm\\u0069n": { "listen": "127.0.0.1:7006" } }')])).to.equal(
      '127.0.0.1:7006',
    );
  });

  it('admin.probes, which is plain text, comes before an address with TLS', async () => {
    const tls = 'tls: { cert: a.pem, key: b.pem }';
    expect(await found(['--config', fileOf(`admin: { listen: 0.0.0.0:7007, ${tls} }`)])).to.equal(
      '0.0.0.0:7007 with TLS',
    );
    const probes = ['--config', fileOf(`admin: { listen: 0.0.0.0:7007, probes: 0.0.0.0:7008, ${tls} }`)];
    expect(await found(probes)).to.equal('0.0.0.0:7008');
    expect(await found(probes, { OUTRIGGER_ADMIN_PROBES: '0.0.0.0:7009' })).to.equal('0.0.0.0:7009');
    expect(await found(targets, { OUTRIGGER_ADMIN_TLS_CERT: 'a.pem' })).to.equal('127.0.0.1:15000 with TLS');
  });

  it('what cannot be found is an error with the reason', async () => {
    expect(await found(['--config', join(folder, 'none.yaml')])).to.match(
      /^error: cannot read .*none.yaml: ENOENT$/,
    );
    expect(await found(['--config', fileOf('admin: [')])).to.match(/^error: cannot read .*outrigger.yaml: /);
    expect(await found(['--config', fileOf(`admin: { listen: "\${HOST}:1" }`)])).to.match(
      /^error: .*HOST is not set/,
    );
    expect(await found([...targets, '--admin', '127.0.0.1:0'])).to.match(/^error: .*127.0.0.1:0/);
    expect(await found([...targets, '--admin', 'nonsense'])).to.match(/^error: .*nonsense/);
  });
});
