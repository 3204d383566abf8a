import { text } from './scalar-type.ts';

/** What headers may be called (RFC 9110 section 5.6.2). */
export const headerName = text({
  label: 'header name',
  charsMax: 256,
  pattern: /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/,
  write: 'a header name, such as x-user-id',
});

/** What cookies may be called (RFC 6265 section 4.1.1). */
export const cookieName = text({
  label: 'cookie name',
  charsMax: 256,
  pattern: /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/,
  write: 'a cookie name, such as session',
});
