import { expect } from 'chai';
import { localhostCertificate, localhostKey } from '../health/localhost-certificate.ts';
import { configOf, minimal, problemsOf, warningsOf } from './support.ts';

const token = 'f00dfeedf00dfeedf00dfeedf00dfeed';
const admin = (text: string): string => minimal({ more: `admin: ${text}` });
const files = { t: `${token}\n`, short: 'abc', 'a.pem': localhostCertificate, 'a.key': localhostKey };

describe('config: the admin section', () => {
  it('takes an address for probes, names for Host, a token and TLS', () => {
    const config = configOf(
      admin(
        '{ listen: 0.0.0.0:15000, probes: 0.0.0.0:15020, allowedHosts: [orders.default.svc, 10.1.2.3], tokenFile: t, tls: { cert: a.pem, key: a.key, clientCa: a.pem } }',
      ),
      { files },
    );
    expect(config.admin).to.deep.include({
      probes: { kind: 'tcp', host: '0.0.0.0', port: 15020 },
      allowedHosts: ['orders.default.svc', '10.1.2.3'],
      token: undefined,
      tokenFile: 't',
      tls: { cert: 'a.pem', key: 'a.key', clientCa: 'a.pem' },
    });
    expect(configOf(minimal()).admin).to.deep.include({
      probes: undefined,
      allowedHosts: [],
      tls: undefined,
    });
  });

  it('takes them from the environment too', () => {
    const env = {
      OUTRIGGER_ADMIN_PROBES: '127.0.0.1:15020',
      OUTRIGGER_ADMIN_ALLOWED_HOSTS: 'a.svc, b.svc',
      OUTRIGGER_ADMIN_TOKEN: token,
    };
    const config = configOf(minimal(), { env });
    expect(config.admin).to.deep.include({ allowedHosts: ['a.svc', 'b.svc'], token });
  });

  it('TLS from the environment is whole, or a problem', () => {
    const env = { OUTRIGGER_ADMIN_TLS_CERT: 'a.pem', OUTRIGGER_ADMIN_TLS_KEY: 'a.key' };
    expect(configOf(minimal(), { env, files }).admin.tls).to.deep.equal({
      cert: 'a.pem',
      key: 'a.key',
      clientCa: undefined,
    });
    expect(problemsOf(minimal(), { env: { OUTRIGGER_ADMIN_TLS_CERT: 'a.pem' }, files }).join()).to.match(
      /admin\.tls\.key: is missing; write the path of a PEM file/,
    );
    expect(problemsOf(admin('{ tls: {} }')).join('\n')).to.match(/admin\.tls\.cert: is missing/);
  });

  it('no problem shows a token', () => {
    for (const [text, problem] of [
      ['{ token: hunter2 }', /admin\.token: has 7 characters, which can be guessed; write 16 to 512/],
      ['{ token: "hunter2 hunter2 hunter2" }', /admin\.token: holds characters that a token may not have/],
      ['{ token: 1234567890123456 }', /admin\.token: is not text; write 16 to 512/],
      ['{ tokenFile: short }', /admin\.tokenFile: "short" has 3 characters, which can be guessed/],
      ['{ tokenFile: nowhere }', /admin\.tokenFile: "nowhere" does not exist/],
      [
        `{ tokenFile: t, token: ${token} }`,
        /admin\.tokenFile: and admin\.token both give a token; write one/,
      ],
    ] as const) {
      const problems = problemsOf(admin(text), { files }).join('\n');
      expect(problems, text).to.match(problem);
      expect(problems).to.not.match(/hunter2|f00d|123456/);
    }
    const env = { OUTRIGGER_ADMIN_TOKEN: 'hunter2' };
    expect(problemsOf(minimal(), { env }).join()).to.match(/^OUTRIGGER_ADMIN_TOKEN: has 7 characters/);
  });

  it('names what is wrong with names, certificates and addresses', () => {
    const problem = (text: string) => problemsOf(admin(text), { files }).join('\n');
    expect(problem('{ allowedHosts: orders }')).to.match(
      /admin\.allowedHosts: "orders" is text; write a list, \["orders"\]/,
    );
    expect(problem('{ allowedHosts: ["orders:80"] }')).to.match(
      /admin\.allowedHosts: "orders:80" is not a host name; write a host name or IP address without a port/,
    );
    expect(problem('{ allowedHosts: ["*"] }')).to.match(/"\*" is not a host name/);
    expect(problem('{ tls: { cert: t, key: a.key } }')).to.match(
      /admin\.tls\.cert: "t" holds no certificate/,
    );
    expect(problem('{ listen: 127.0.0.1:15000, probes: 0.0.0.0:15000 }')).to.match(
      /admin\.probes: "0\.0\.0\.0:15000" is taken by admin\.listen/,
    );
    expect(problem('{ probes: 127.0.0.1:15001 }')).to.match(/is taken by admin\.probes/);
  });

  it('warns of an address that other machines reach without a token, or with one in plain text', () => {
    const warning = (text: string) => warningsOf(admin(text), { files }).join('\n');
    expect(warning('{ listen: 0.0.0.0:15000 }')).to.match(
      /admin\.listen: "0\.0\.0\.0:15000" is open to other machines without a token: .* admin\.probes/,
    );
    expect(warning('{ listen: "[::]:15000", tls: { cert: a.pem, key: a.key } }')).to.match(/without a token/);
    expect(warning('{ listen: 10.0.0.1:15000, tokenFile: t }')).to.match(/the token travels in plain text/);
    for (const fine of [
      '{ listen: 127.0.0.1:15000, probes: 0.0.0.0:15020 }',
      '{ listen: "[::1]:15000" }',
      '{ listen: localhost:15000 }',
      '{ listen: unix:/run/o.sock }',
      '{ listen: 0.0.0.0:15000, tokenFile: t, tls: { cert: a.pem, key: a.key } }',
      '{ listen: 0.0.0.0:15000, tls: { cert: a.pem, key: a.key, clientCa: a.pem } }',
    ])
      expect(warning(fine), fine).to.equal('');
  });
});
