import { expect } from 'chai';
import { redactJson, redactText } from '../../../../src/cli/report/redact.ts';
import { judgesRealTime } from '../../../support/real-time.ts';

describe('cli/report/redact', () => {
  const secret = 'hunter2secret';
  const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJl';
  const pem = '-----BEGIN EC PRIVATE KEY-----\nTUlJQmh1bnRlcg==\n-----END EC PRIVATE KEY-----';
  const texts: readonly string[] = [
    `Authorization: Bearer ${secret}`,
    `bearer ${secret}`,
    `invalid credentials: Basic ${secret}=`,
    `password=${secret}`,
    `{"apiKey": "${secret}"}`,
    `{\\"client_secret\\": \\"${secret}\\"}`.replaceAll('\\', ''),
    `cannot connect to postgres://app:${secret}@db:5432/orders?sslpassword=x`,
    `GET /login?access_token=${secret}&x=1`.slice(4),
    `https://bucket.example/file?anything=${secret}`,
    `token: '${secret}'`,
    `set-cookie: ${secret}; path=/`,
    `x-api-key=${secret}`,
    `authorization: ApiKey ${secret}`,
    `x-serverless-authorization: ${secret}`,
    `authorization-bin: ${secret}`,
    `cookie: a=b; session=${secret}; c=d`,
    `login failed: password=${secret}`,
    `password=a,${secret}`,
    `password='it''${secret}'`,
    `password: "${secret} without an end`,
    `token: [${secret}]`,
    `PGPWD=${secret}`,
    `sk-proj-${secret}0123456789`,
  ];
  for (const text of texts)
    it(`hides the secret of ${text.replace(secret, '…')}`, () => {
      const redacted = redactText(text);
      expect(redacted).not.to.include(secret);
      expect(redacted).to.include('•••');
    });

  it('hides JSON Web Tokens, private keys and keys of clouds wherever they stand', () => {
    const aws = 'AKIAIOSFODNN7EXAMPLE';
    const github = 'ghp_0123456789abcdefghijABCDEFGHIJ';
    const redacted = redactText(`a ${jwt} b ${pem} c ${aws} d ${github} e`);
    expect(redacted).to.equal('a ••• b ••• c ••• d ••• e');
    expect(redactText(JSON.stringify({ text: pem }))).not.to.include('TUlJQ');
  });

  it('hides a password of digits, and keeps numbers that are none', () => {
    expect(redactText('password=123456')).to.equal('password=•••');
    expect(redactText('token: 5, retries: 2')).to.equal('token: 5, retries: 2');
  });

  it('keeps what follows a secret', () => {
    expect(redactText('password=x, user=anna')).to.equal('password=•••, user=anna');
    expect(redactText('{"token":"x","user":"anna"}')).to.equal('{"token":"•••","user":"anna"}');
  });

  for (const text of [
    'a-',
    'a.',
    'http://a:',
    'ab   ',
    '"',
    'a=',
    "a='",
    'eyJaaaaa.',
    '-----BEGIN PRIVATE KEY-----',
  ])
    it(`takes time in proportion to the length of ${JSON.stringify(text)}, repeated`, function () {
      judgesRealTime(this, 'the times of two lengths are compared');
      const timeOf = (length: number): number => {
        const repeated = text.repeat(length / text.length);
        const times = Array.from({ length: 3 }, () => {
          const startMs = performance.now();
          redactText(repeated);
          return performance.now() - startMs;
        });
        return Math.max(1, Math.min(...times));
      };
      // Where the time grew with the square of the length, this would be 256.
      expect(timeOf(320_000) / timeOf(20_000)).to.be.below(100);
    });

  it('keeps what is no secret', () => {
    for (const text of [
      'endpoint 10.0.0.7:50051 is unhealthy: connection refused (ECONNREFUSED)',
      'tokens=20 maxTokens: 5',
      'outrigger_calls_total{listener="outbound",method="a.B/C"} 17',
      'key: /etc/tls/server.key',
      'the token of admin.token is missing',
    ])
      expect(redactText(text)).to.equal(text);
  });

  it('hides values under secret keys at any depth, and secrets in texts', () => {
    const json = redactJson({ a: [{ password: secret, note: `Bearer ${secret}` }], port: 1 });
    expect(json).to.deep.equal({ a: [{ password: '•••', note: 'Bearer •••' }], port: 1 });
  });
});
