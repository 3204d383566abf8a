import { expect } from 'chai';
import {
  QueryRedaction,
  sensitiveParametersDefault,
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
    for (const unit of ['?', '&', ';', '=', 'token=', ':%2f%2f', '://a', '%', '@']) {
      const started = performance.now();
      redaction.target(`/?${unit.repeat(20_000)}`.slice(0, 20_000));
      expect(performance.now() - started, unit).to.be.below(500);
    }
  });

  it('takes user information out of URLs', () => {
    expect(withoutUserInfo('http://u:p@h:1/x and https://t@h')).to.equal(
      'http://REDACTED@h:1/x and https://REDACTED@h',
    );
    expect(withoutUserInfo('a@b')).to.equal('a@b');
  });
});
