/** Node's parser, llhttp: deprecated as a public module, and what `node:http` itself uses. */
declare module 'node:_http_common' {
  type HeaderList = string[] | undefined;
  class HTTPParser {
    static readonly REQUEST: number;
    static readonly RESPONSE: number;
    static readonly kOnHeaders: number;
    static readonly kOnHeadersComplete: number;
    static readonly kOnBody: number;
    static readonly kOnMessageComplete: number;
    [callback: number]: unknown;
    initialize(type: number, resource: object): void;
    execute(bytes: Buffer): number | (Error & { code: string; bytesParsed: number });
    finish(): undefined | (Error & { code: string });
  }
}
