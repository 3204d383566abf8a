import { expect } from 'chai';
import { redactJson, redactText } from '../../../../src/cli/report/redact.ts';

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
