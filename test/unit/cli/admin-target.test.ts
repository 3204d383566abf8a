import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { adminTarget } from '../../../src/cli/admin-target.ts';
import { undrain } from '../../../src/cli/undrain.ts';
import { startAdminRig } from '../../support/admin-rig.ts';
import { localhostCertificate, localhostKey } from '../health/localhost-certificate.ts';
import { CapturedIo, runCommand } from './support.ts';

const token = 'f00dfeedf00dfeedf00dfeedf00dfeed';

describe('cli/admin-target', () => {
  let folder: string;
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'admin-target-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const admin = '127.0.0.1:15000';

  it('takes the token of the flag, else of a variable', () => {
    const [a, b] = [file('a', `${token}a\n`), file('b', `${token}b`)];
    const env = { OUTRIGGER_ADMIN_TOKEN_FILE: b, OUTRIGGER_ADMIN_TOKEN: `${token}c` };
    expect(adminTarget({ admin, adminTokenFile: a }, env).value?.token).to.equal(`${token}a`);
    expect(adminTarget({ admin }, env).value?.token).to.equal(`${token}b`);
    expect(adminTarget({ admin }, { ...env, OUTRIGGER_ADMIN_TOKEN_FILE: '' }).value?.token).to.equal(
      `${token}c`,
    );
    expect(adminTarget({ admin }, {}).value?.token).to.equal(undefined);
  });

  it('names the flag or variable that is wrong, and never the token', () => {
    const bad = file('bad', 'hunter2 hunter2');
    expect(adminTarget({ admin, adminTokenFile: bad }, {}).error).to.match(
      /^--admin-token-file: ".*bad" has 15 characters, which can be guessed/,
    );
    expect(adminTarget({ admin }, { OUTRIGGER_ADMIN_TOKEN: 'hunter2' }).error).to.match(
      /^OUTRIGGER_ADMIN_TOKEN: has 7 characters/,
    );
    expect(adminTarget({ admin, adminTokenFile: join(folder, 'none') }, {}).error).to.match(
      /^--admin-token-file: cannot read ".*none": ENOENT/,
    );
    expect(adminTarget({ admin, adminTlsCert: 'x' }, {}).error).to.match(/need --admin-tls-ca/);
    expect(adminTarget({ admin, adminTlsCa: 'x', adminTlsCert: 'y' }, {}).error).to.match(/needs both/);
    expect(adminTarget({ admin, adminTlsCa: join(folder, 'no.pem') }, {}).error).to.match(
      /^--admin-tls-ca: cannot read/,
    );
  });

  it('commands show the token, and say what a refusal means', async () => {
    const rig = await startAdminRig(undefined, {
      security: () => ({ token, tls: null }),
      isLocalPeer: () => false,
    });
    try {
      const at = `127.0.0.1:${rig.port}`;
      const run = async (flags: object, env = {}) => {
        const io = new CapturedIo();
        const code = await undrain({ admin: at, output: 'text', ...flags }, io, env);
        return { code, said: io.out + io.err };
      };
      expect(await run({ adminTokenFile: file('t', token) })).to.include({ code: 0 });
      expect(await run({}, { OUTRIGGER_ADMIN_TOKEN: token })).to.include({ code: 0 });
      const refused = await run({});
      expect(refused.code).to.equal(1);
      expect(refused.said).to.match(/ refused \/undrain: .*--admin-token-file\.\n$/);
      const byFlags = await runCommand(['stat', '--admin', at, '--admin-token-file', file('t', token)]);
      expect(byFlags.code).to.equal(0);
    } finally {
      await rig.close();
    }
  });

  it('commands speak TLS, with a client certificate', async () => {
    const [ca, key] = [file('ca.pem', localhostCertificate), file('key.pem', localhostKey)];
    const tls = { cert: localhostCertificate, key: localhostKey, ca: localhostCertificate };
    const rig = await startAdminRig(undefined, {
      security: () => ({ token: null, tls: { ...tls, requestCert: true, rejectUnauthorized: false } }),
      isLocalPeer: () => false,
    });
    try {
      const flags = { admin: `127.0.0.1:${rig.port}`, output: 'text' as const, adminTlsCa: ca };
      const io = new CapturedIo();
      expect(await undrain({ ...flags, adminTlsCert: ca, adminTlsKey: key }, io, {}), io.err).to.equal(0);
      expect(await undrain(flags, io, {})).to.equal(1);
      expect(io.err).to.match(/needs a client certificate/);
      const plain = new CapturedIo();
      expect(await undrain({ ...flags, adminTlsCa: undefined }, plain, {})).to.equal(3);
      expect(plain.err).to.match(
        / closed the connection; if it is an admin server with TLS, add --admin-tls-ca FILE\n$/,
      );
    } finally {
      await rig.close();
    }
  });
});
