import { expect } from 'chai';
import {
  QueryRedaction,
  sensitiveParametersDefault,
  withoutUrlSecrets,
  withoutUserInfo,
} from '../../../src/core/query-redaction.ts';

const redaction = new QueryRedaction(sensitiveParametersDefault);

describe('core/query-redaction', () => {
  for (const [target, shown] of [
    ['/a?token=x', '/a?token=REDACTED'],
    ['/a?b=1&access_token=x.y.z&c=2', '/a?b=1&access_token=REDACTED&c=2'],
    ['/a?api_key=x&apiKey=y&API-KEY=z', '/a?api_key=REDACTED&apiKey=REDACTED&API-KEY=REDACTED'],
    ['/a?userPassword=x&clientSecret=y', '/a?userPassword=REDACTED&clientSecret=REDACTED'],
    ['/a?X-Amz-Signature=ab&X-Amz-Date=1', '/a?X-Amz-Signature=REDACTED&X-Amz-Date=1'],
    ['/a?sig=a%2Fb%3D&sv=2020', '/a?sig=REDACTED&sv=2020'],
    ['/a?code=1&state=2', '/a?code=REDACTED&state=2'],
    ['/a?auth=x&session=y&jwt=z&key=k', '/a?auth=REDACTED&session=REDACTED&jwt=REDACTED&key=REDACTED'],
    ['/a?token[]=x&user[password]=y', '/a?token[]=REDACTED&user[password]=REDACTED'],
    ['/a?t%6Fken=x', '/a?t%6Fken=REDACTED'],
    ['/a?token=a/b?c=d;e=f&g=1', '/a?token=REDACTED&g=1'],
    ['/a?b=1;token=x&c=2', '/a?b=1;token=REDACTED&c=2'],
    ['/a?b?token=x', '/a?b?token=REDACTED'],
    ['/a;jsessionid=x/b?c=1', '/a;jsessionid=REDACTED/b?c=1'],
    ['/a;v=1?token=x', '/a;v=1?token=REDACTED'],
    ['/a?token=&b', '/a?token=&b'],
    ['/a?token', '/a?token'],
    ['/a?page=2&monkey=3&zip_code=4', '/a?page=2&monkey=3&zip_code=4'],
    ['/token=x', '/token=x'],
    ['/a?u=https://me:pw@host/x', '/a?u=https://REDACTED@host/x'],
    ['/a?u=https:%2F%2Fme:pw@host', '/a?u=https:%2F%2FREDACTED@host'],
    ['/a?%=1&token=x', '/a?%=1&token=REDACTED'],
    ['/a/https://me:pw@host/x', '/a/https://REDACTED@host/x'],
    ['/a/http:%2f%2fme:pw@host', '/a/http:%2f%2fREDACTED@host'],
    ['/a?u=http%3A%2F%2Fme%3Apw%40host%2Fx', '/a?u=http%3A%2F%2FREDACTED@host%2Fx'],
    ['/a?u=http%3A%2F%2Fhost%3Fmail%3Dme%40host', '/a?u=http%3A%2F%2Fhost%3Fmail%3Dme%40host'],
    ['/a?u=/b?token=x', '/a?u=/b?token=REDACTED'],
    ['/a?u=%2Fb%3Fc%3D1%26token%3Dx%26d%3D2&e=3', '/a?u=%2Fb%3Fc%3D1%26token%3DREDACTED%26d%3D2&e=3'],
    ['/a?u=%2Fb%23access_token%3Dx%23y', '/a?u=%2Fb%23access_token%3DREDACTED%23y'],
    ['/a?u=%2Fb%3Ftoken=x%26y', '/a?u=%2Fb%3Ftoken=REDACTED'],
    ['/a?b=1#token=x', '/a?b=1#token=REDACTED'],
    ['/a%3Btoken=x/b', '/a%3Btoken=REDACTED/b'],
    ['/a?token%3Dx', '/a?token%3DREDACTED'],
    ['/a?token=x%26y%3Dz', '/a?token=REDACTED'],
    [
      '/a?token[0]=x&token[k][]=y&login.token.0=z',
      '/a?token[0]=REDACTED&token[k][]=REDACTED&login.token.0=REDACTED',
    ],
    ['/a?bearer=x', '/a?bearer=REDACTED'],
    ['/a?b=1&c%3Dd&e', '/a?b=1&c%3Dd&e'],
    ['', ''],
  ] as const) {
    it(`shows ${target} as ${shown}`, () => expect(redaction.target(target)).to.equal(shown));
  }

  it('takes names of its own, and none', () => {
    const own = new QueryRedaction(['card', '*Number']);
    expect(own.target('/a?Card=1&phone_number=2&token=3')).to.equal(
      '/a?Card=REDACTED&phone_number=REDACTED&token=3',
    );
    expect(new QueryRedaction([]).target('/a?token=x')).to.equal('/a?token=x');
  });

  it('is linear in the length of the target, whatever is in it', () => {
    for (const unit of [
      '?',
      '&',
      ';',
      '=',
      'token=',
      'a.',
      ':%2f%2f',
      '://a',
      '%3a%2f%2f@',
      '%',
      '@',
      '%40',
      '%3f%3d',
    ]) {
      const started = performance.now();
      redaction.target(`/?${unit.repeat(20_000)}`.slice(0, 20_000));
      expect(performance.now() - started, unit).to.be.below(500);
    }
  });

  it('takes secrets out of the URLs of a sentence', () => {
    expect(
      withoutUrlSecrets('Get "http://u:p@h/a?token=x&b=1": refused (see /a?sig=x or ask me@h; token=1)'),
    ).to.equal(
      'Get "http://REDACTED@h/a?token=REDACTED&b=1": refused (see /a?sig=REDACTED or ask me@h; token=1)',
    );
  });

  it('takes user information out of URLs', () => {
    expect(withoutUserInfo('http://u:p@h:1/x and https://t@h')).to.equal(
      'http://REDACTED@h:1/x and https://REDACTED@h',
    );
    expect(withoutUserInfo('a@b')).to.equal('a@b');
  });
});
